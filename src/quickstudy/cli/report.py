"""``quickstudy report``."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from quickstudy.cli.options import Run, Tasks, parse
from quickstudy.cli.runs import prepare, settings_of
from quickstudy.cli.sources import Settings, pool
from quickstudy.learners import Learner
from quickstudy.report import accuracy_by_group_values, write_report
from quickstudy.training import Estimate, evaluate


@dataclass(frozen=True)
class _Required:
    run: Run
    """The run's folder."""


@dataclass(frozen=True)
class ReportOptions(Tasks, _Required):
    """Options of ``quickstudy report``."""

    num_tasks: int = 400
    """Tasks to evaluate on."""


def main(arguments: Sequence[str]) -> int:
    """Write a run's report and say where it is."""
    asked = parse(
        ReportOptions,
        arguments,
        "report",
        "Write a run's report: an HTML page with pictures, in the run's folder.",
    )
    learner, source = prepare(asked.run, asked)
    found = evaluate(learner, source, asked.num_tasks, asked.seed, asked.steps)
    settings = settings_of(asked.run)
    groups = groups_of(learner, settings, asked)
    path = write_report(
        asked.run, learner, source, found, asked.seed, groups, group_way=group_way(settings, asked)
    )
    Console(stderr=True).print(f"The report is {path}", soft_wrap=True, highlight=False)
    return 0


def group_way(settings: Settings, asked: Tasks) -> int:
    """The way of tasks within one alphabet or script: as asked for, 5 at most, for small ones."""
    return min(settings["way"] if asked.way is None else asked.way, 5)


def groups_of(learner: Learner, settings: Settings, asked: Tasks) -> dict[str, Estimate] | None:
    """Accuracy on tasks within each alphabet or script, 5-way at most; None for regression."""
    if settings["data"] == "sinusoid":
        return None
    classes = pool(settings, asked.split, asked.root)
    return accuracy_by_group_values(
        learner,
        classes,
        group_way(settings, asked),
        asked.shot or settings["shot"],
        asked.query or 15,
        30,
        asked.seed,
    )
