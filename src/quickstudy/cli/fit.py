"""``quickstudy fit``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table as Lines

from quickstudy.cache import write_atomically
from quickstudy.cli.options import parse
from quickstudy.cli.sources import use_threads
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.tasks import Table
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import checkpoint
from quickstudy.training.ladder import Score, ladder_rows, ladder_tasks
from quickstudy.training.rungs import Rung, rungs


@dataclass(frozen=True)
class FitOptions:
    """Options of ``quickstudy fit``."""

    table: Annotated[Path, tyro.conf.Positional]
    """A .csv or .parquet file."""
    task: str
    """The column that says which task a row belongs to."""
    target: tuple[str, ...]
    """The columns to predict, numbers."""
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
    asked = parse(FitOptions, arguments, "fit", "Learn from a table with a task column, and compare the ways of sharing between tasks.")
    use_threads(asked.threads)
    for name, values in (("splits", (asked.splits,)), ("shots", asked.shots or (0,))):
        require(min(values) >= 1, f"Option --{name} should be at least 1. Found {min(values)}.")
    require(0 < asked.new < 1, f"Option --new should be between 0 and 1. Found {asked.new}.")
    last = asked.out / "last.safetensors"
    require(not last.exists(), f"Folder {asked.out} holds a run already: choose another with --out.")
    require(not asked.out.is_file(), f"Option --out should be a folder. {asked.out} is a file.")
    table = table_of(asked.table, asked.task, asked.target, asked.features, asked.drop)
    few = f"Column {asked.task!r} should hold at least 4 tasks, to learn from some and judge on others. Found {len(table.names)}."
    require(len(table.names) >= 4, few)
    console = Console(stderr=asked.json, highlight=False, soft_wrap=True)
    console.print(f"{len(table.frame)} rows of {len(table.names)} tasks, {len(table.features)} columns to predict from.", markup=False)
    if table.num_unlabelled:
        console.print(f"{table.num_unlabelled} rows without a target were left out.")
    scores = ladder_rows(table, asked.splits) + ladder_tasks(table, asked.shots, asked.new, asked.splits, draws=3)
    for protocol in dict.fromkeys(score.protocol for score in scores):
        console.print(_lines(scores, protocol))
    for line in verdict(scores):
        console.print(line, markup=False)
    rung, learner, form = _deployed(table, scores)
    _save(asked, table, rung.name, learner, form, scores)
    if asked.json:
        print(json.dumps({"deployed": rung.name, "scores": [asdict(score) for score in scores]}))
    console.print(f"Kept for new tasks: {rung.name}, in {asked.out}. Next:\n  quickstudy adapt {asked.out} ROWS.csv", markup=False)
    return 0


def table_of(path: Path, task: str, target: tuple[str, ...], features: tuple[str, ...], drop: tuple[str, ...]) -> Table:
    """The table in a file, without the columns to ``drop``.

    Raises:
        UserError: If it cannot be read, or has no columns to predict from.
    """
    table = Table(path, task, target, features=features or None)
    if drop:
        unknown = sorted(set(drop) - set(table.features))
        require(not unknown, f"Option --drop should name columns to predict from. Found {unknown[:1]} beside {', '.join(table.features)}.")
        table = Table(path, task, target, features=[name for name in table.features if name not in drop])
    require(len(table.features) > 0, "The table should have a column to predict from. Found none besides task and target.")
    return table


def means(scores: Sequence[Score], protocol: str) -> dict[str, float]:
    """The root mean squared error of every way, averaged over the splits."""
    names = dict.fromkeys(score.name for score in scores)
    return {name: float(np.mean([s.rmse for s in scores if (s.name, s.protocol) == (name, protocol)])) for name in names}


def verdict(scores: Sequence[Score]) -> list[str]:
    """In plain words, which way this table rewards: one line a protocol."""
    lines = []
    for protocol in dict.fromkeys(score.protocol for score in scores):
        found = means(scores, protocol)
        best = min(found, key=lambda name: found[name])
        alone = min(value for name, value in found.items() if name.startswith(("support mean", "single task")))
        pooled = found["pooled, ridge"]
        where = (
            "New rows of known tasks" if protocol == "new rows" else f"Unseen tasks of which {protocol.removeprefix('K = ')} rows are seen"
        )
        gain_alone, gain_pooled = 1 - found[best] / alone, 1 - found[best] / pooled
        if gain_alone < 0.005:
            words = "every task is best learned alone: the others do not help"
        elif gain_pooled < 0.005:
            words = "the tasks are so alike that one model for all rows does it"
        else:
            words = (
                f"sharing pays: the error is {gain_alone:.1%} below the best of a task alone and {gain_pooled:.1%} below one model for all"
            )
        lines.append(f"{where}: {best} is best ({found[best]:.4g}); {words}.")
    return lines


def _lines(scores: Sequence[Score], protocol: str) -> Lines:
    """A line for every way: error, explained variance, times."""
    lines = Lines(title="new rows of known tasks" if protocol == "new rows" else f"unseen tasks, {protocol}", title_justify="left")
    for name in ("way", "RMSE", "explained", "fit, s", "adapt, ms"):
        lines.add_column(name, justify="left" if name == "way" else "right", no_wrap=True)
    found = means(scores, protocol)
    for name, mean in found.items():
        own = [score for score in scores if (score.name, score.protocol) == (name, protocol)]
        spread = f" ± {np.std([s.rmse for s in own]):.3f}" if len(own) > 1 else ""
        cells = [name, f"{mean:.3f}{spread}", f"{np.mean([s.explained for s in own]):.1%}"]
        cells += [f"{np.mean([s.fit_seconds for s in own]):.2f}", f"{np.mean([s.adapt_ms for s in own]):.2f}"]
        lines.add_row(*cells, style="bold" if mean == min(found.values()) else None)
    return lines


def _deployed(table: Table, scores: Sequence[Score]) -> tuple[Rung, Learner, TableForm]:
    """The way that served unseen tasks best, of those that adapt, learned from all rows."""
    protocols = [name for name in dict.fromkeys(score.protocol for score in scores) if name != "new rows"]
    able = {rung.name: rung for rung in rungs() if rung.adapts}
    best = min(able, key=lambda name: float(np.mean([means(scores, protocol)[name] for protocol in protocols])))
    whole = table.whole()
    mean, scale = whole.y.mean(0), whole.y.std(0).clamp(min=1e-12)
    able[best].fit(replace(whole, y=(whole.y - mean) / scale), 0)
    return able[best], able[best].learner, TableForm(whole.encoder, table.targets, tuple(mean.tolist()), tuple(scale.tolist()))


def _save(asked: FitOptions, table: Table, name: str, learner: Learner, form: TableForm, scores: Sequence[Score]) -> None:
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = {"file": str(asked.table), "task": asked.task, "rows": len(table.frame), "tasks": len(table.names), "way": name}
    details = {"source": {"source": "table", **settings}, "table": form.to_dict(), "scores": [asdict(score) for score in scores]}
    write_atomically(asked.out / "run.json", json.dumps(details, indent=1).encode())
    checkpoint.write(asked.out / "last.safetensors", *checkpoint.pack(learner))
