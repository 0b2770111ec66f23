"""``quickstudy report``."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from quickstudy.cli.judging import Judging, evaluate_run, read_run, tasks_of
from quickstudy.cli.options import Run, parse
from quickstudy.reporting import write_run
from quickstudy.training import Baselines


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
    """Plain baselines on the same tasks: none, quick or all; training from scratch takes most of
    the time."""


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
    path = write_run(run, source, found)
    Console(stderr=True).print(f"The report is {path}", soft_wrap=True, highlight=False)
    return 0
