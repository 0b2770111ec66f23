"""``quickstudy compare``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro
from rich.console import Console

from quickstudy.cli.options import Tasks, parse
from quickstudy.cli.runs import evaluate_run, settings_of
from quickstudy.errors import require
from quickstudy.report import results_table
from quickstudy.training import compare


@dataclass(frozen=True)
class _Required:
    a: Annotated[str, tyro.conf.Positional]
    """The first run's folder."""
    b: Annotated[str, tyro.conf.Positional]
    """The second run's folder."""


@dataclass(frozen=True)
class CompareOptions(Tasks, _Required):
    """Options of ``quickstudy compare``."""


def main(arguments: Sequence[str]) -> int:
    """Compare two runs on the same tasks."""
    from dataclasses import replace
    from pathlib import Path

    asked = parse(
        CompareOptions, arguments, "compare", "Compare two runs on the same tasks, task by task."
    )
    a, b = Path(asked.a), Path(asked.b)
    first, second = settings_of(a), settings_of(b)
    same = first["data"] == second["data"]
    require(
        same,
        f"Both runs should have learned the same family of tasks. Found {first['data']} and "
        f"{second['data']}.",
    )
    if asked.way is None and first["data"] != "sinusoid":
        asked = replace(asked, way=min(first["way"], second["way"]))
    if asked.shot is None:
        asked = replace(asked, shot=min(first["shot"], second["shot"]))
    found = compare(evaluate_run(a, asked, False), evaluate_run(b, asked, False))
    if asked.json:
        print(json.dumps({"a_run": asked.a, "b_run": asked.b, **found.to_dict()}))
        return 0
    console = Console()
    rows = [
        (f"A  {asked.a}", found.a),
        (f"B  {asked.b}", found.b),
        ("A − B, paired", found.difference),
    ]
    console.print(results_table("the same tasks for both", rows, found.metric))
    console.print(
        "The difference is "
        + ("significant at 5 %." if found.significant else "not significant at 5 %.")
    )
    return 0
