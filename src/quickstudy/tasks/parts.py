"""Parts of tasks: some of their rows, or one of their several targets."""

from dataclasses import replace

from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks.table_tasks import TableTasks


def part_of(tasks: TableTasks, rows: Tensor) -> TableTasks:
    """Give the chosen ``rows`` ``[row]`` (true or false), and the tasks that have some."""
    kept, task = tasks.task[rows].unique(return_inverse=True)
    return tasks.of_rows(rows, task, kept.tolist())


def tasks_by_target(tasks: TableTasks, target: Several) -> list[TableTasks]:
    """Give for each of several targets the rows that have a label of it, asking for it only."""
    return [_asking(tasks, place, own) for place, own in enumerate(single(target))]


def _asking(tasks: TableTasks, place: int, own: Target) -> TableTasks:
    """Give the rows that have a label of the target at ``place``."""
    part = part_of(tasks, ~tasks.y[:, place].isnan())
    return replace(part, y=_labels(part.y[:, place], own), target=own)


def batches_by_target(batch: Batch, target: Several) -> list[Batch]:
    """Give for each of several targets the batch with its labels only; the others are masked."""
    columns = zip(batch.y.unbind(-1), single(target), strict=True)
    return [_labelled(batch, column, own) for column, own in columns]


def _labelled(batch: Batch, column: Tensor, own: Target) -> Batch:
    """Give the batch with one column of its labels; rows without one are masked."""
    missing = column.isnan()
    labels = _labels(column.masked_fill(missing, 0), own)
    return Batch(batch.x, labels, batch.mask.masked_fill(missing, 0), own)


def episodes_by_target(episode: Episode, target: Several) -> list[Episode]:
    """Give for each of several targets the episode with its labels only."""
    support, query = (batches_by_target(part, target) for part in (episode.support, episode.query))
    both = zip(support, query, strict=True)
    return [replace(episode, support=own, query=asked) for own, asked in both]


def single(target: Several) -> list[Target]:
    """Give several targets as those of tasks with one target each."""
    return [_alone(own.way) for own in target.each]


def _alone(way: int | None) -> Target:
    return Classes(way) if way else Numbers()


def _labels(column: Tensor, target: Target) -> Tensor:
    """Give class indices ``[...]``, or a number ``[..., 1]``."""
    return column.long() if target.way else column.unsqueeze(-1)


__all__ = ["batches_by_target", "episodes_by_target", "part_of", "single", "tasks_by_target"]
