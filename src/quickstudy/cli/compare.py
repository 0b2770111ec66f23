"""``quickstudy compare``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from rich.console import Console

from quickstudy.cli.judging import Judging, evaluate_run, read_run, tasks_of
from quickstudy.cli.options import Positional, parse
from quickstudy.errors import require
from quickstudy.reporting import results_table
from quickstudy.training import Trained, compare


@dataclass(frozen=True)
class _Required:
    a: Annotated[Path, Positional]
    """The first run's folder."""
    b: Annotated[Path, Positional]
    """The second run's folder."""


@dataclass(frozen=True)
class CompareOptions(Judging, _Required):
    """Options of ``quickstudy compare``."""


def main(arguments: Sequence[str]) -> int:
    """Compare two runs on the same tasks."""
    asked = parse(
        CompareOptions, arguments, "compare", "Compare two runs on the same tasks, task by task."
    )
    first, second = read_run(asked.a, asked), read_run(asked.b, asked)
    require(
        asked.data is not None or first.same_data(second),
        "Both runs should have learned from the same data, or --data should name the data to "
        f"compare them on. Found {first.source_name} and {second.source_name}.",
    )
    way = _smaller("way", first, second) if asked.way is None else asked.way
    shot = _smaller("shot", first, second) if asked.shot is None else asked.shot
    source = tasks_of(first, replace(asked, way=way, shot=shot))
    found = compare(*(evaluate_run(run, source, asked, "none") for run in (first, second)))
    if asked.json:
        names = {"a_run": str(asked.a), "b_run": str(asked.b)}
        print(json.dumps({**names, **found.to_dict()}))
        return 0
    console = Console()
    rows = [
        (f"A  {asked.a}", found.a),
        (f"B  {asked.b}", found.b),
        ("A − B, paired", found.difference),
    ]
    console.print(results_table("the same tasks for both", rows, found.metric))
    verdict = "significant at 5 %" if found.significant else "not significant at 5 %"
    console.print(f"The difference is {verdict}.")
    return 0


def _smaller(name: str, first: Trained, second: Trained) -> int | None:
    """The smaller way, or shot, of two runs: both can serve it."""
    found = [options[name] for options in (first.options(), second.options()) if name in options]
    sizes = [max(size) if isinstance(size, list | tuple) else size for size in found]
    return min(sizes, default=None)
