"""Parts of tasks: some of their rows, or one of their several targets."""

from dataclasses import replace

from torch import Tensor

from quickstudy.episode import Batch, Episode, Kind
from quickstudy.tasks.table_tasks import TableTasks


def part_of(tasks: TableTasks, rows: Tensor) -> TableTasks:
    """The chosen ``rows`` ``[row]`` (true or false), and the tasks that have some."""
    kept, task = tasks.task[rows].unique(return_inverse=True)
    names = tuple(tasks.names[index] for index in kept.tolist())
    return replace(
        tasks,
        x=tasks.x[rows],
        y=tasks.y[rows],
        task=task,
        names=names,
        identity=tasks.identity[kept],
    )


def tasks_by_target(tasks: TableTasks) -> list[TableTasks]:
    """For each of several targets the rows that have a label of it: tasks of regression or of classification."""
    found = []
    for target, kind in enumerate(tasks.kind.alone):
        own = part_of(tasks, ~tasks.y[:, target].isnan())
        found.append(replace(own, y=_labels(own.y[:, target], kind), kind=kind))
    return found


def batches_by_target(batch: Batch, kind: Kind) -> list[Batch]:
    """For each of several targets the batch with its labels alone; an example without one is masked."""
    found = []
    for column, own in zip(batch.y.unbind(-1), kind.alone, strict=True):
        missing = column.isnan()
        found.append(
            Batch(
                batch.x,
                _labels(column.masked_fill(missing, 0), own),
                batch.mask.masked_fill(missing, 0),
            )
        )
    return found


def episodes_by_target(episode: Episode, kind: Kind) -> list[Episode]:
    """For each of several targets the episode with its labels alone."""
    both = zip(
        batches_by_target(episode.support, kind),
        batches_by_target(episode.query, kind),
        strict=True,
    )
    return [Episode(support, query, episode.task) for support, query in both]


def _labels(column: Tensor, kind: Kind) -> Tensor:
    """Class indices ``[...]``, or a target ``[..., 1]``."""
    return column.long() if kind.name == "classification" else column.unsqueeze(-1)


__all__ = ["batches_by_target", "episodes_by_target", "part_of", "tasks_by_target"]
