"""The command ``quickstudy fit``."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import pandas as pd
from rich.console import Console

from quickstudy.cache import write_atomically
from quickstudy.cli.climbing import ClimbBar
from quickstudy.cli.machine import use_threads
from quickstudy.cli.options import Positional, parse
from quickstudy.cli.reading import ReadingOptions
from quickstudy.errors import require
from quickstudy.ladder.climb import Climb
from quickstudy.ladder.deployed import Deployed
from quickstudy.ladder.ladder import FRACTION, climb_of, seconds_for, splits_for
from quickstudy.reporting import write_ladder
from quickstudy.reporting.ladder import footnotes, ladder_lines, left_out, shots_of
from quickstudy.reporting.verdict import verdict
from quickstudy.targets import Several
from quickstudy.tasks import Table
from quickstudy.tasks.encoder import is_numeric
from quickstudy.tasks.table import KindName, read_table
from quickstudy.tasks.tables import reading_of
from quickstudy.training import checkpoint

KindChoice = Literal["auto", "regression", "classification"]
PURPOSE = "Learn from a table with a task column, and compare the ways of sharing between tasks."


@dataclass(frozen=True)
class FitOptions(ReadingOptions):
    """Options of quickstudy fit."""

    table: Annotated[Path, Positional]
    """A .csv or .parquet file."""
    task: str
    """The column of the task of each row."""
    target: tuple[str, ...]
    """The columns to predict: numbers, classes, or some of each."""
    kind: KindChoice = "auto"
    """The kind of the targets: auto takes columns of text, or of true and false, as classes, and
    others as numbers."""
    out: Path = Path("runs/table")
    """The run's folder, for adapt."""
    features: tuple[str, ...] = ()
    """The columns to predict from; by default all others."""
    drop: tuple[str, ...] = ()
    """Columns to leave out of the features."""
    splits: int | None = None
    """Seeded splits that every way is judged on; by default 5, and more if there are few rows."""
    shots: tuple[int, ...] = (5, 10)
    """Rows that are seen of an unseen task."""
    new: float = 0.25
    """Fraction of the tasks that is held out as unseen."""
    time: float | None = None
    """Seconds for comparing; by default 30, and more if there are many rows. Quick ways come first;
    ways that do not fit in are left out, and named."""
    json: bool = False
    """Print the scores as one JSON object on standard output."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Compare the ways of sharing between tasks, and keep the best ones."""
    asked = parse(FitOptions, arguments, "fit", PURPOSE)
    use_threads(asked.threads)
    _check(asked)
    table = _table(asked)
    console = Console(stderr=asked.json, highlight=False, soft_wrap=True)
    _say(console, _told(table))
    climb = _climbed(asked, table)
    _tell(console, climb)
    kept = Deployed.of(table, climb.scores)
    _save(asked, table, kept, climb)
    if asked.json:
        print(json.dumps(_found(kept, climb)))
    page = _page(asked, kept, climb, _settings(asked, table, climb, arguments))
    _say(console, [*kept.words(), *_next(asked.out, page)])
    return 0


def _say(console: Console, lines: Sequence[str]) -> None:
    """Print lines unchanged."""
    for line in lines:
        console.print(line, markup=False)


def _tell(console: Console, climb: Climb) -> None:
    """Print the scores as a table for every protocol, and the verdict."""
    scores, notes = climb.scores, climb.notes
    for shot in shots_of(scores):
        console.print(ladder_lines(scores, shot))
        _say(console, [f"  {line}" for line in footnotes(scores, shot, notes)])
    _say(console, [*left_out(scores, notes), *verdict(scores)])


def _found(kept: Deployed, climb: Climb) -> dict[str, Any]:
    """Give the scores in plain values."""
    scores = [asdict(score) for score in climb.scores]
    return {"deployed": kept.new.rung.name, "known": kept.known.rung.name, "scores": scores}


def _page(asked: FitOptions, kept: Deployed, climb: Climb, settings: dict[str, object]) -> Path:
    """Write the page."""
    title = f"Ways to learn {asked.table.name}"
    return write_ladder(asked.out, climb.scores, title, kept.words(), settings, climb.notes)


def _next(out: Path, page: Path) -> list[str]:
    """Say where the run is, and suggest the next commands."""
    commands = [f"  quickstudy {name} {out} ROWS.csv" for name in ("adapt", "predict")]
    return [f"In {out}. Look at {page}. Next:", *commands]


def _table(asked: FitOptions) -> Table:
    """Read the table.

    Raises:
        UserError: If it has fewer than four tasks, or cannot be read.
    """
    table = table_of(asked, asked.kind)
    require(
        len(table.names) >= 4,
        f"Column {asked.task!r} should hold at least 4 tasks, to learn from some and judge on "
        f"others. Found {len(table.names)}.",
    )
    return table


def _told(table: Table) -> list[str]:
    """Describe the table."""
    columns = f"{len(table.features)} columns to predict {', '.join(table.targets)} from"
    rows = f"{len(table.frame)} rows of {len(table.names)} tasks"
    found = [f"{rows}, {columns} ({_described(table)})."]
    if table.num_unlabelled:
        found.append(f"{table.num_unlabelled} rows without a target were left out.")
    return [*found, *table.schema.lines()]


def _climbed(asked: FitOptions, table: Table) -> Climb:
    """Compare the ways; Ctrl-C ends it with the scores so far.

    Raises:
        KeyboardInterrupt: If there are no scores yet.
    """
    climb = _planned(asked, table)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        with ClimbBar(errors) as bar:
            climb.run(bar)
    except KeyboardInterrupt:
        if not climb.scores:
            raise
        errors.print("Interrupted: going on with what is known.")
    return climb


def _planned(asked: FitOptions, table: Table) -> Climb:
    """Prepare the comparison; by default the number of rows decides its length."""
    rows = len(table.frame)
    splits, seconds = asked.splits or splits_for(rows), asked.time or seconds_for(rows)
    return climb_of(table, splits, asked.shots, asked.new, seconds)


def _check(asked: FitOptions) -> None:
    """Check the options.

    Raises:
        UserError: If an option is out of range, or the folder is not free.
    """
    splits = 5 if asked.splits is None else asked.splits
    _at_least_one("splits", splits)
    _at_least_one("shots", min(asked.shots, default=0))
    require(0 < asked.new < 1, f"Option --new should be between 0 and 1. Found {asked.new}.")
    seconds = 1.0 if asked.time is None else asked.time
    require(seconds > 0, f"Option --time should be more than 0 seconds. Found {seconds}.")
    _check_folder(asked.out)


def _at_least_one(name: str, value: int) -> None:
    require(value >= 1, f"Option --{name} should be at least 1. Found {value}.")


def _check_folder(out: Path) -> None:
    """Check the folder.

    Raises:
        UserError: If the folder is not free.
    """
    taken = (out / "last.safetensors").exists()
    require(not taken, f"Folder {out} holds a run already: choose another with --out.")
    require(not out.is_file(), f"Option --out should be a folder. {out} is a file.")


class TableAsked(Protocol):
    """The options of a command that reads a table."""

    @property
    def table(self) -> Path:
        """The file."""

    @property
    def task(self) -> str:
        """The column of the tasks."""

    @property
    def target(self) -> tuple[str, ...]:
        """The columns to predict."""

    @property
    def features(self) -> tuple[str, ...]:
        """The columns to predict from; none for all others."""

    @property
    def drop(self) -> tuple[str, ...]:
        """Columns to leave out."""


def table_of(asked: TableAsked, kind: KindChoice = "auto") -> Table:
    """Read the table that a command asks for.

    Kind ``"auto"`` takes targets of text or truth values as classes.

    Raises:
        UserError: If it cannot be read, or has no columns to predict from.
    """
    reading = reading_of(asked)
    frame, target = read_table(asked.table, reading), asked.target
    chosen = _kinds(frame, target) if kind == "auto" else kind
    features = _without(_columns(asked, frame), asked.drop)
    table = Table(frame, asked.task, target, chosen, features, **reading.for_table)
    require(
        len(table.features) > 0,
        "The table should have a column to predict from. Found none besides task and target.",
    )
    return table


def _columns(asked: TableAsked, frame: pd.DataFrame) -> Sequence[str]:
    """Give the columns to predict from, before any are dropped."""
    taken = (asked.task, *asked.target, *reading_of(asked).ignored)
    return asked.features or [name for name in frame.columns if name not in taken]


def _without(columns: Sequence[str], drop: Sequence[str]) -> list[str]:
    """Leave out the columns to ``drop``.

    Raises:
        UserError: If there is no such column.
    """
    unknown = sorted(set(drop) - set(columns))
    known = f"Found {unknown[:1]} beside {', '.join(columns)}."
    require(not unknown, f"Option --drop should name columns to predict from. {known}")
    return [name for name in columns if name not in drop]


def _kinds(frame: pd.DataFrame, target: tuple[str, ...]) -> KindName | dict[str, KindName]:
    """Take targets of text or truth values as classes, and others as numbers."""
    found = {name: _kind(frame, name) for name in target}
    if "classification" not in found.values():
        return "regression"
    return found if len(target) > 1 else "classification"


def _kind(frame: pd.DataFrame, name: str) -> KindName:
    """Say whether a column holds classes; a column that is missing is refused later."""
    classes = name in frame.columns and _has_classes(frame[name])
    return "classification" if classes else "regression"


def _has_classes(column: "pd.Series[Any]") -> bool:
    """Whether a column holds text or truth values."""
    return not is_numeric(column) or pd.api.types.is_bool_dtype(column)


def _described(table: Table) -> str:
    """Describe the targets: classes, numbers, or some of each with the number of their labels."""
    if not isinstance(table.target, Several):
        return f"{len(table.classes)} classes" if table.classes else "numbers"
    counts = table.frame[list(table.targets)].notna().sum()
    labels = table.labels.items()
    return ", ".join(_described_target(name, classes, counts[name]) for name, classes in labels)


def _described_target(name: str, classes: Sequence[str], labels: int) -> str:
    """Describe one of several targets: its kind, and its number of labels."""
    kind = f"{len(classes)} classes" if classes else "a number"
    return f"{name} is {kind}, {labels} labels"


def _settings(
    asked: FitOptions, table: Table, climb: Climb, arguments: Sequence[str]
) -> dict[str, object]:
    """List the settings that the page shows."""
    return {
        "table": str(asked.table),
        "rows": len(table.frame),
        "tasks": len(table.names),
        "columns to predict": table.targets,
        "columns to predict from": table.features,
        "seeded splits": climb.splits,
        "rows of a known task that are learned from": f"{FRACTION:.0%}",
        "tasks held out as unseen": f"{asked.new:.0%}",
        "seconds for comparing, at most": climb.seconds,
        "run it again": shlex.join(["quickstudy", "fit", *arguments]),
    }


def _save(asked: FitOptions, table: Table, kept: Deployed, climb: Climb) -> None:
    """Write the run: the scores, and both ways that are kept."""
    asked.out.mkdir(parents=True, exist_ok=True)
    details = {
        "source": _source(asked, table, kept),
        "table": kept.form.to_dict(),
        "scores": [asdict(score) for score in climb.scores],
        "notes": climb.notes,
    }
    write_atomically(asked.out / "run.json", json.dumps(details, indent=1).encode())
    kept.known.write(asked.out)
    checkpoint.write(asked.out / "last.safetensors", *checkpoint.pack(kept.new.rung.learner))


def _source(asked: FitOptions, table: Table, kept: Deployed) -> dict[str, Any]:
    """Describe the data of the run, and the ways that are kept."""
    return {
        "source": "table",
        "file": str(asked.table),
        "task": asked.task,
        "rows": len(table.frame),
        "tasks": len(table.names),
        "way": kept.new.rung.name,
        "known_way": kept.known.rung.name,
    }
