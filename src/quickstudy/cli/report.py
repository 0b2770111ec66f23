"""``quickstudy report``."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from quickstudy.cli.judging import Judging, evaluate_run, read_run, tasks_of
from quickstudy.cli.options import Run, parse
from quickstudy.report import accuracy_by_group_values, write_report
from quickstudy.tasks import Episodes, TaskSource
from quickstudy.training import Baselines, Estimate, Trained

GROUP_WAY, GROUP_TASKS = 5, 30
"""Classes of a task within one alphabet or script, at most, and the tasks of each."""


@dataclass(frozen=True)
class _Required:
    run: Run
    """The run's folder."""


@dataclass(frozen=True)
class ReportOptions(Judging, _Required):
    """Options of ``quickstudy report``."""

    num_tasks: int = 400
    """Tasks to evaluate on."""
    baselines: Baselines = "all"
    """Plain baselines on the same tasks: none, quick or all; training from scratch takes most of the time."""


def main(arguments: Sequence[str]) -> int:
    """Write a run's report and say where it is."""
    asked = parse(
        ReportOptions,
        arguments,
        "report",
        "Write a run's report: an HTML page with pictures, in the run's folder.",
    )
    run = read_run(asked.run, asked)
    source = tasks_of(run, asked)
    found = evaluate_run(run, source, asked, asked.baselines)
    groups = groups_of(run, source, asked.seed)
    # a run of quickstudy fit has its own page, with the ways it compared
    folder = asked.run if run.fitted_table is None else asked.run / "evaluation"
    folder.mkdir(exist_ok=True)
    way = group_way(source)
    path = write_report(folder, run.learner, source, found, asked.seed, groups, group_way=way)
    Console(stderr=True).print(f"The report is {path}", soft_wrap=True, highlight=False)
    return 0


def group_way(source: TaskSource) -> int | None:
    """Give the way of tasks within one alphabet or script: 5 at most; None without classes."""
    way = source.describe().get("way")
    return min(way, GROUP_WAY) if isinstance(way, int) else None


def groups_of(run: Trained, source: TaskSource, seed: int) -> dict[str, Estimate] | None:
    """Measure the accuracy on tasks within each alphabet or script; None if there are none."""
    way = group_way(source)
    if not isinstance(source, Episodes) or way is None or len(source.pool.group_names) < 2:
        return None
    if int(source.pool.groups.bincount().max()) < way:
        return None
    shot = source.shot if isinstance(source.shot, int) else max(source.shot)
    return accuracy_by_group_values(
        run.learner, source.pool, way, shot, source.query, GROUP_TASKS, seed
    )
