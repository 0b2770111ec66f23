"""``quickstudy fit``."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from rich.console import Console

from quickstudy.cache import write_atomically
from quickstudy.cli.machine import use_threads
from quickstudy.cli.options import Positional, parse
from quickstudy.errors import require
from quickstudy.ladder.ladder import FRACTION, Score, ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import Rung, rungs
from quickstudy.learners import Learner
from quickstudy.reporting import write_ladder
from quickstudy.reporting.ladder import lines, means, shots_of, verdict
from quickstudy.targets import Several
from quickstudy.tasks import Table
from quickstudy.tasks.encoder import is_numeric
from quickstudy.tasks.table import KindName, read_table
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import checkpoint

KindChoice = Literal["auto", "regression", "classification"]


@dataclass(frozen=True)
class FitOptions:
    """Options of ``quickstudy fit``."""

    table: Annotated[Path, Positional]
    """A .csv or .parquet file."""
    task: str
    """The column that says which task a row belongs to."""
    target: tuple[str, ...]
    """The columns to predict: numbers, classes, or some of each."""
    kind: KindChoice = "auto"
    """What the targets are: auto takes columns of text, or of true and false, as classes, and others as numbers."""
    out: Path = Path("runs/table")
    """The run's folder, for adapt."""
    features: tuple[str, ...] = ()
    """The columns to predict from; by default all others."""
    drop: tuple[str, ...] = ()
    """Columns to leave out of the features."""
    splits: int = 3
    """Seeded splits that every way is judged on."""
    shots: tuple[int, ...] = (5, 10)
    """Rows that are seen of an unseen task."""
    new: float = 0.25
    """Part of the tasks that is held out as unseen."""
    json: bool = False
    """Print the scores as one JSON object on standard output."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Compare the ways of sharing between tasks, say which one this table rewards, and keep the best for new tasks."""
    asked = parse(
        FitOptions,
        arguments,
        "fit",
        "Learn from a table with a task column, and compare the ways of sharing between tasks.",
    )
    use_threads(asked.threads)
    for name, values in (("splits", (asked.splits,)), ("shots", asked.shots or (0,))):
        require(min(values) >= 1, f"Option --{name} should be at least 1. Found {min(values)}.")
    require(0 < asked.new < 1, f"Option --new should be between 0 and 1. Found {asked.new}.")
    last = asked.out / "last.safetensors"
    require(
        not last.exists(), f"Folder {asked.out} holds a run already: choose another with --out."
    )
    require(not asked.out.is_file(), f"Option --out should be a folder. {asked.out} is a file.")
    table = table_of(asked.table, asked.task, asked.target, asked.features, asked.drop, asked.kind)
    few = (
        f"Column {asked.task!r} should hold at least 4 tasks, to learn from some and judge on "
        f"others. Found {len(table.names)}."
    )
    require(len(table.names) >= 4, few)
    console = Console(stderr=asked.json, highlight=False, soft_wrap=True)
    columns = f"{len(table.features)} columns to predict {', '.join(table.targets)} from"
    console.print(
        f"{len(table.frame)} rows of {len(table.names)} tasks, {columns} ({_what(table)}).",
        markup=False,
    )
    if table.num_unlabelled:
        console.print(f"{table.num_unlabelled} rows without a target were left out.")
    scores = ladder_rows(table, asked.splits) + ladder_tasks(
        table, asked.shots, asked.new, asked.splits, draws=3
    )
    for shot in shots_of(scores):
        console.print(lines(scores, shot))
    for line in verdict(scores):
        console.print(line, markup=False)
    rung, learner, form = _deployed(table, scores)
    _save(asked, table, rung.name, learner, form, scores)
    if asked.json:
        print(json.dumps({"deployed": rung.name, "scores": [asdict(score) for score in scores]}))
    page = write_ladder(
        asked.out,
        scores,
        f"Ways to learn {asked.table.name}",
        rung.name,
        _settings(asked, table, arguments),
    )
    console.print(
        f"Kept for new tasks: {rung.name}, in {asked.out}. Look at {page}. Next:", markup=False
    )
    console.print(f"  quickstudy adapt {asked.out} ROWS.csv", markup=False)
    return 0


def table_of(
    path: Path,
    task: str,
    target: tuple[str, ...],
    features: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
    kind: KindChoice = "auto",
) -> Table:
    """The table in a file, without the columns to ``drop``; ``"auto"`` takes targets of text or
    truth values as classes.

    Raises:
        UserError: If it cannot be read, or has no columns to predict from.
    """
    frame = read_table(path)
    known = [name for name in target if name in frame.columns]
    texts = [
        name
        for name in known
        if not is_numeric(frame[name]) or pd.api.types.is_bool_dtype(frame[name])
    ]
    chosen: KindName | dict[str, KindName] = "regression" if kind == "auto" else kind
    if kind == "auto" and texts:
        chosen = (
            {name: "classification" if name in texts else "regression" for name in target}
            if len(target) > 1
            else "classification"
        )
    others = features or tuple(name for name in frame.columns if name not in (task, *target))
    unknown = sorted(set(drop) - set(others))
    require(
        not unknown,
        f"Option --drop should name columns to predict from. Found {unknown[:1]} beside "
        f"{', '.join(others)}.",
    )
    table = Table(
        frame, task, target, chosen, features=[name for name in others if name not in drop]
    )
    require(
        len(table.features) > 0,
        "The table should have a column to predict from. Found none besides task and target.",
    )
    return table


def _what(table: Table) -> str:
    """What is predicted: classes, numbers, or which of the targets are which, and how many labels they have."""
    if not isinstance(table.target, Several):
        return f"{len(table.classes)} classes" if table.classes else "numbers"
    counts = table.frame[list(table.targets)].notna().sum()
    kinds = {
        name: f"{len(classes)} classes" if classes else "a number"
        for name, classes in table.labels.items()
    }
    return ", ".join(f"{name} is {kind}, {counts[name]} labels" for name, kind in kinds.items())


def _deployed(table: Table, scores: Sequence[Score]) -> tuple[Rung, Learner, TableForm]:
    """The way that served unseen tasks best, of those that adapt, learned from all rows."""
    found = [means(scores, shot) for shot in shots_of(scores) if shot is not None]
    able = {rung.name: rung for rung in rungs(table.target) if rung.adapts}
    best = min(able, key=lambda name: float(np.mean([one[name] for one in found])))
    whole = table.whole()
    form = TableForm.of(whole, table.labels)
    able[best].fit(form.tasks(whole), 0)
    return able[best], able[best].learner, form


def _settings(asked: FitOptions, table: Table, arguments: Sequence[str]) -> dict[str, object]:
    """What the page says of how it was measured."""
    return {
        "table": str(asked.table),
        "rows": len(table.frame),
        "tasks": len(table.names),
        "columns to predict": table.targets,
        "columns to predict from": table.features,
        "seeded splits": asked.splits,
        "rows of a known task that are learned from": f"{FRACTION:.0%}",
        "tasks held out as unseen": f"{asked.new:.0%}",
        "run it again": shlex.join(["quickstudy", "fit", *arguments]),
    }


def _save(
    asked: FitOptions,
    table: Table,
    name: str,
    learner: Learner,
    form: TableForm,
    scores: Sequence[Score],
) -> None:
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {
        "file": str(asked.table),
        "task": asked.task,
        "rows": len(table.frame),
        "tasks": len(table.names),
        "way": name,
    }
    details = {
        "source": {"source": "table", **settings},
        "table": form.to_dict(),
        "scores": [asdict(score) for score in scores],
    }
    write_atomically(asked.out / "run.json", json.dumps(details, indent=1).encode())
    checkpoint.write(asked.out / "last.safetensors", *checkpoint.pack(learner))
