"""The command ``quickstudy compare``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from rich.console import Console

from quickstudy.cli.judging import Judging, evaluate_run, opened_run, tasks_of
from quickstudy.cli.options import Positional, parse
from quickstudy.errors import require
from quickstudy.reporting import results_table
from quickstudy.tasks import TaskSource
from quickstudy.training import Comparison, Trained, compare

PURPOSE = "Compare two runs on the same tasks, task by task."


@dataclass(frozen=True)
class _Required:
    a: Annotated[Path, Positional]
    """The first run's folder."""
    b: Annotated[Path, Positional]
    """The second run's folder."""


@dataclass(frozen=True)
class CompareOptions(Judging, _Required):
    """Options of the command compare."""


def main(arguments: Sequence[str]) -> int:
    """Compare two runs on the same tasks."""
    asked = parse(CompareOptions, arguments, "compare", PURPOSE)
    runs = opened_run(asked.a, asked), opened_run(asked.b, asked)
    source = _tasks_for_both(*runs, asked)
    found = compare(*(evaluate_run(run, source, asked, "none") for run in runs))
    if asked.json:
        names = {"a_run": str(asked.a), "b_run": str(asked.b)}
        print(json.dumps({**names, **found.to_dict()}))
    else:
        _show(found, asked, Console())
    return 0


def _tasks_for_both(first: Trained, second: Trained, asked: CompareOptions) -> TaskSource:
    """Make tasks that both runs can serve.

    Raises:
        UserError: If they learned from different data, and no data is named.
    """
    require(
        asked.data is not None or first.same_data(second),
        "Both runs should have learned from the same data, or --data should name the data to "
        f"compare them on. Found {first.source_name} and {second.source_name}.",
    )
    way = _smaller("way", first, second) if asked.way is None else asked.way
    shot = _smaller("shot", first, second) if asked.shot is None else asked.shot
    return tasks_of(first, replace(asked, way=way, shot=shot))


def _show(found: Comparison, asked: CompareOptions, console: Console) -> None:
    """Print the results of both runs and their difference."""
    rows = [
        (f"A  {asked.a}", found.a),
        (f"B  {asked.b}", found.b),
        ("A − B, paired", found.difference),
    ]
    console.print(results_table("the same tasks for both", rows, found.metric))
    verdict = "significant" if found.significant else "not significant"
    console.print(f"The difference is {verdict} at 5 %.")


def _smaller(name: str, first: Trained, second: Trained) -> int | None:
    """Give the smaller way, or shot, of two runs, which both can serve."""
    found = [options[name] for options in (first.options(), second.options()) if name in options]
    return min(map(_largest, found), default=None)


def _largest(size: int | Sequence[int]) -> int:
    """Give the largest of several sizes, or the only one."""
    return size if isinstance(size, int) else max(size)
