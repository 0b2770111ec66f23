"""The command ``quickstudy relate``."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from rich.console import Console

from quickstudy.cache import write_atomically
from quickstudy.cli.fit import table_of
from quickstudy.cli.machine import use_threads
from quickstudy.cli.options import Positional, parse
from quickstudy.cli.reading import ReadingOptions
from quickstudy.errors import require
from quickstudy.ladder.rungs import LearnedPrior, Sharing
from quickstudy.learners import Learner
from quickstudy.relatedness import Relatedness, relate
from quickstudy.reporting import write_relatedness
from quickstudy.reporting.words import relation
from quickstudy.tasks import Table, TableTasks
from quickstudy.tasks.table_form import TableForm
from quickstudy.training.evaluate import plain

FILE = "relatedness.json"
PURPOSE = "Measure how related the tasks of a table are, and which belong together."


@dataclass(frozen=True)
class RelateOptions(ReadingOptions):
    """Options of the command relate."""

    table: Annotated[Path, Positional]
    """A .csv or .parquet file."""
    task: str
    """The column of the task of each row."""
    target: tuple[str, ...]
    """The columns to predict, numbers."""
    out: Path = Path("runs/relatedness")
    """Folder of the page, the figure and relatedness.json."""
    features: tuple[str, ...] = ()
    """The columns to predict from; by default all others."""
    drop: tuple[str, ...] = ()
    """Columns to leave out of the features."""
    measure: Literal["posterior", "gradient", "fisher", "affinity"] = "posterior"
    """Posterior weights of linear models; or, in a network trained on all tasks, gradient cosine,
    Fisher embeddings (Task2Vec), affinity (TAG)."""
    splits: int = 10
    """Random divisions of every task's rows into halves."""
    most_groups: int = 12
    """The most groups to try."""
    seed: int = 0
    """Seed of all randomness."""
    json: bool = False
    """Print names, groups and similarities as one JSON object on standard output."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Measure how related the tasks of a table are, and draw a map of them."""
    asked = parse(RelateOptions, arguments, "relate", PURPOSE)
    use_threads(asked.threads)
    require(not asked.out.is_file(), f"Option --out should be a folder. {asked.out} is a file.")
    table = _table(asked)
    console = Console(stderr=asked.json, highlight=False, soft_wrap=True, markup=False)
    console.print(_size_in_words(table))
    found = _relatedness(asked, table)
    for line in (*relation(found), *_groups(found)):
        console.print(line)
    page = write_relatedness(asked.out, found, _title(asked), _settings(asked, table, arguments))
    described = json.dumps(_described(found))
    write_atomically(asked.out / FILE, described.encode())
    if asked.json:
        print(described)
    console.print(f"The map is in {page}")
    return 0


def _table(asked: RelateOptions) -> Table:
    """Read the table."""
    return table_of(asked, "regression")


def _size_in_words(table: Table) -> str:
    """Describe the size of a table."""
    rows, tasks, columns = map(len, (table.frame, table.names, table.features))
    return f"{rows} rows of {tasks} tasks, {columns} columns to predict from."


def _relatedness(asked: RelateOptions, table: Table) -> Relatedness:
    """Measure how related the tasks are."""
    whole = table.whole()
    tasks = TableForm.of(whole, table.labels).tasks(whole)
    probe = _probe(asked, tasks)
    return relate(probe, tasks, asked.measure, asked.splits, asked.most_groups, asked.seed)


def _title(asked: RelateOptions) -> str:
    return f"How related the tasks of {asked.table.name} are"


def _settings(asked: RelateOptions, table: Table, arguments: Sequence[str]) -> dict[str, object]:
    """List the settings that the page shows."""
    return {
        "table": str(asked.table),
        "tasks": len(table.names),
        "rows": len(table.frame),
        "measure": asked.measure,
        "splits": asked.splits,
        "run it again": shlex.join(["quickstudy", "relate", *arguments]),
    }


def _probe(asked: RelateOptions, tasks: TableTasks) -> Learner:
    """Fit the model that the measure needs.

    It is a learned prior, or one network for all rows whose head can be refitted.
    """
    prior = asked.measure == "posterior"
    rung = LearnedPrior() if prior else Sharing("pooled", heads=False, refit=True)
    rung.fit(tasks, asked.seed)
    return rung.learner


def _groups(found: Relatedness) -> list[str]:
    """List the members of each group, if there are several groups."""
    if found.num_groups == 1:
        return []
    groups = range(found.num_groups)
    return [f"group {group + 1}: {', '.join(found.members(group))}" for group in groups]


def _described(found: Relatedness) -> object:
    """Give the result in plain values."""
    return plain(
        {
            "measure": found.measure,
            "names": list(found.names),
            "groups": found.groups.tolist(),
            "reliability": found.reliability,
            "similarity": [_rounded(row) for row in found.similarity.tolist()],
        }
    )


def _rounded(row: Sequence[float]) -> list[float]:
    return [round(value, 4) for value in row]
