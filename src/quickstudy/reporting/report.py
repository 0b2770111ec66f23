"""Writes a run's page from the run's folder."""

from pathlib import Path

from torch import nn

from quickstudy import tasks
from quickstudy.reporting.by_group import accuracy_by_group_values
from quickstudy.reporting.page import write_report
from quickstudy.tasks import Episodes, TaskSource
from quickstudy.training import Baselines, Estimate, Evaluation, Trained, evaluate
from quickstudy.training.checkpoint import Classes

GROUP_WAY = 5
"""The most classes of a task within one alphabet or script."""
GROUP_TASKS = 30
"""The number of tasks within each."""


def report(
    run: str | Path,
    source: TaskSource | None = None,
    num_tasks: int = 400,
    seed: int = 0,
    *,
    baselines: Baselines = "all",
    model: nn.Module | None = None,
    classes: Classes = (),
    progress: bool = False,
) -> Path:
    """Evaluate a run and write its page, with pictures.

    Args:
        run: The run's folder.
        source: The tasks to evaluate on; by default the test tasks of its data, as in training.
        num_tasks: The number of tasks.
        seed: Chooses the tasks, the same for every learner.
        baselines: The plain baselines on the same tasks, see :func:`~quickstudy.evaluate`.
        model: Your module, see :func:`~quickstudy.load`.
        classes: Your classes, see :func:`~quickstudy.load`.
        progress: Show a progress bar.

    Returns:
        The page, ``report.html`` in the run's folder.

    Raises:
        UserError: If the run cannot be read, or the data it learned from is not known.
    """
    trained = Trained.read(run, model, classes)
    asked = trained.tasks() if source is None else source
    found = evaluate(
        trained.learner, asked, num_tasks, seed, baselines=baselines, progress=progress
    )
    return write_run(trained, asked, found)


def write_run(run: Trained, source: TaskSource, found: Evaluation) -> Path:
    """Write the page of a run that was evaluated on tasks of ``source``."""
    folder, way = _page_folder(run), group_way(source)
    groups = groups_of(run, source, found.seed)
    folder.mkdir(exist_ok=True)
    return write_report(folder, run.learner, source, found, found.seed, groups, group_way=way)


def _page_folder(run: Trained) -> Path:
    # a run of quickstudy fit already has a page in its folder, with the rungs that it compared
    return run.folder if run.fitted_table is None else run.folder / "evaluation"


def group_way(source: TaskSource) -> int | None:
    """Give the way of tasks within one alphabet or script: 5 at most; None without classes."""
    way = source.describe().get("way")
    return min(way, GROUP_WAY) if isinstance(way, int) else None


def groups_of(run: Trained, source: TaskSource, seed: int) -> dict[str, Estimate] | None:
    """Measure the accuracy on tasks within each alphabet or script; None if there are none."""
    way = group_way(source)
    if not isinstance(source, Episodes) or way is None or not _has_groups(source.pool, way):
        return None
    shot = source.shot if isinstance(source.shot, int) else max(source.shot)
    return accuracy_by_group_values(
        run.learner, source.pool, way, shot, source.query, GROUP_TASKS, seed
    )


def _has_groups(pool: tasks.Classes, way: int) -> bool:
    """Say whether there are several groups, and one of them has ``way`` classes."""
    return len(pool.group_names) > 1 and int(pool.groups.bincount().max()) >= way


__all__ = ["group_way", "groups_of", "report", "write_run"]
