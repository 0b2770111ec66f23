"""The options of adapt, and the new task that they name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from quickstudy.cli.options import Positional, Run
from quickstudy.cli.task_files import Task
from quickstudy.episode import Batch
from quickstudy.errors import require

MOST_NAMED = 10
"""The most names that are listed; further names are counted."""


@dataclass(frozen=True)
class AdaptOptions:
    """Options of the command adapt."""

    run: Run
    """The run's folder, or a checkpoint."""
    support: Annotated[Path, Positional]
    """The new task's examples: a folder with one subfolder of images for each class, or a CSV
    file."""
    out: Path = Path("task.qs")
    """The file that predict needs; it holds all that is needed."""
    steps: int | None = None
    """Inner steps; by default the learner's number."""
    ink: Literal["auto", "dark", "light"] | None = None
    """Grey images: dark ink is inverted, light ink is not, auto looks at each image's border. By
    default auto for models of glyphs and Omniglot, else images stay unchanged."""
    label: str | None = None
    """Column of a CSV file that holds the classes."""
    target: tuple[str, ...] = ()
    """Columns of a CSV file that are to be predicted (regression); by default the last if the
    run learned sinusoids."""
    classes: tuple[str, ...] = ()
    """Your classes that the run uses, as package.module:Class."""
    device: str = "cpu"
    """The device: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""


@dataclass(frozen=True)
class NewTask:
    """A new task as its files have it.

    Attributes:
        task: Facts that predicting needs besides the learner.
        support: Its examples.
        notes: Notes on them for the user.
    """

    task: Task
    support: Batch
    notes: Sequence[str]


def check_undescribed(asked: AdaptOptions, known: str) -> None:
    """Check the options that describe the files.

    Raises:
        UserError: If an option describes something that the run already knows.
    """
    given = asked.ink is not None or asked.label is not None or bool(asked.target)
    message = f"Options --ink, --label and --target are not needed: this run knows {known}."
    require(not given, message)


def check_classes(names: Sequence[str], path: Path) -> None:
    """Check the number of classes.

    Raises:
        UserError: If there is only one class.
    """
    message = f"A task should have at least two classes. Found one in {path}: {names[0]!r}."
    require(len(names) >= 2, message)


def names_in(labels: Sequence[str]) -> tuple[str, ...]:
    """List the classes in the order of their first examples."""
    return tuple(dict.fromkeys(labels))


def indices_of(labels: Sequence[str], names: Sequence[str]) -> list[int]:
    """Give the index of the class of every example."""
    return [names.index(label) for label in labels]


def counted(names: Sequence[str], word: str) -> str:
    """Tell how many examples each class has, by the class of every example.

    Example:
        >>> counted(["cat", "dog", "cat"], "image")
        '2 classes: cat (2 images), dog (1 image).'
    """
    return count_in_words(Counter(names), word)


def count_in_words(counts: Counter[str], word: str) -> str:
    """Tell how many examples each class has."""
    parts = [f"{name} ({count} {word}{'s' * (count != 1)})" for name, count in counts.items()]
    return f"{len(counts)} classes: {some_of(parts)}."


def some_of(names: Sequence[str]) -> str:
    """List the first ten names, and how many are left."""
    left = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {left} more" if left > 0 else "")


__all__ = [
    "AdaptOptions",
    "NewTask",
    "check_classes",
    "check_undescribed",
    "count_in_words",
    "counted",
    "indices_of",
    "names_in",
    "some_of",
]
