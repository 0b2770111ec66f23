"""A file of arrays as data."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from quickstudy.errors import UserError, require
from quickstudy.tasks.arrays import Arrays
from quickstudy.tasks.data import Data, Fractions

NEEDED, OPTIONAL = ("x", "y"), ("task", "split")


class ArrayFile(Data):
    """Opens the arrays of a .npz file: x, y, and optionally task and split.

    They go to :class:`~quickstudy.tasks.Arrays`: without ``task`` each value of ``y`` is a class,
    with it each value of ``task`` is a task.

    Args:
        file: A ``.npz`` file, as ``numpy.savez(file, x=x, y=y)`` writes it.
        fractions: How the classes, or the tasks, are divided into train, validation and test, if
            the file has no array ``split``.
        seed: Seed of the division.

    Raises:
        UserError: If the file is missing or damaged, or lacks these arrays.

    Example:
        >>> tasks = qs.tasks.ArrayFile("windows.npz").split("train")  # doctest: +SKIP
    """

    def __init__(
        self, file: str | Path, fractions: Fractions = (0.6, 0.2, 0.2), seed: int = 0
    ) -> None:
        self.file = file
        self.fractions, self.seed = fractions, seed
        self._arrays = _arrays(_read(Path(file)), fractions, seed)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that hold a class, or a task."""
        return self._arrays.split_names

    def split(self, name: str) -> Any:
        """Give the classes, or the tasks, of ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            UserError: If there is no such split, or it is empty.
        """
        return self._arrays.split(name)

    def everything(self) -> Any:
        """Give all classes, or all tasks."""
        return self._arrays.pool

    def notes(self) -> list[str]:
        """Say how many classes, or tasks, there are in each split."""
        return self._arrays.notes()


def _arrays(found: dict[str, np.ndarray], fractions: Fractions, seed: int) -> Arrays:
    task, splits = found.get("task"), found.get("split")
    return Arrays(found["x"], found["y"], fractions, seed, task, splits)


def _read(file: Path) -> dict[str, np.ndarray]:
    require(file.is_file(), f"{file} should be a .npz file of arrays. Found no such file.")
    found, names = _loaded(file)
    require(
        set(NEEDED) <= set(names),
        f"{file} should hold the arrays x and y (and task and split, if need be). Found "
        f"{', '.join(names) or 'none'}.",
    )
    return found


def _loaded(file: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Load the arrays that make tasks, and name all arrays of the file."""
    try:
        with np.load(file, allow_pickle=False) as opened:
            names = list(opened.files)
            return {name: opened[name] for name in names if name in NEEDED + OPTIONAL}, names
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        message = f"{file} should be a .npz file of arrays. It cannot be read: {error}."
        raise UserError(message) from error


__all__ = ["ArrayFile"]
