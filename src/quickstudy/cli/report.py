"""The command ``quickstudy report``."""

from collections.abc import Sequence
from dataclasses import dataclass

from quickstudy.cli.console import say
from quickstudy.cli.judging import Judging, evaluate_run, opened_run, tasks_of
from quickstudy.cli.options import Run, parse
from quickstudy.reporting import write_run
from quickstudy.training import Baselines

PURPOSE = "Write a run's report: an HTML page with pictures, in the run's folder."


@dataclass(frozen=True)
class _Required:
    run: Run
    """The run's folder."""


@dataclass(frozen=True)
class ReportOptions(Judging, _Required):
    """Options of the command report."""

    num_tasks: int = 400
    """Tasks to evaluate on."""
    baselines: Baselines = "all"
    """Plain baselines on the same tasks: none, quick or all; training from scratch takes most of
    the time."""


def main(arguments: Sequence[str]) -> int:
    """Write a run's report and say where it is."""
    asked = parse(ReportOptions, arguments, "report", PURPOSE)
    run = opened_run(asked.run, asked)
    source = tasks_of(run, asked)
    found = evaluate_run(run, source, asked, asked.baselines)
    say(f"The report is {write_run(run, source, found)}")
    return 0
