"""A table file as data: its tasks, or the classes of one of its columns."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from quickstudy.errors import require
from quickstudy.tasks.arrays import classes_of, in_words
from quickstudy.tasks.classes import Classes
from quickstudy.tasks.data import SPLITS, Data, Fractions, check_fractions, check_split, divide
from quickstudy.tasks.encoder import Encoder, check_columns
from quickstudy.tasks.table import Table, class_name, read_table
from quickstudy.tasks.table_tasks import TableTasks


class Rows(Data):
    """A .csv or .parquet file: its rows are the examples of many tasks, or of many classes.

    With ``task``, every value of that column is a task, drawn with ``shot`` of its rows: ``target``
    is predicted by regression, ``label`` by classification. Without ``task``, every value of
    ``label`` is a class, and tasks are N-way K-shot. Columns are scaled and encoded as the training
    rows say, see :class:`~quickstudy.tasks.encoder.Encoder`.

    Args:
        file: The file.
        task: The column that says which task a row belongs to.
        label: The column of the classes.
        target: The columns of numbers to predict.
        features: The columns to predict from; by default all others.
        drop: Columns to leave out of the features.
        fractions: How the tasks, or the classes, are divided into train, validation and test.
        seed: Seed of the division.

    Raises:
        UserError: If the file cannot be read, a column is missing, or it is not said what is to be
            predicted.

    Example:
        >>> shops = qs.tasks.Rows("shops.csv", task="shop", target=("sold",))  # doctest: +SKIP
        >>> shops.split("train").episodes(shot=5, query=5)  # doctest: +SKIP
    """

    def __init__(
        self,
        file: str | Path,
        task: str | None = None,
        label: str | None = None,
        target: Sequence[str] = (),
        features: Sequence[str] = (),
        drop: Sequence[str] = (),
        fractions: Fractions = (0.6, 0.2, 0.2),
        seed: int = 0,
    ) -> None:
        self.file, self.task, self.label = file, task, label
        self.target = (target,) if isinstance(target, str) else tuple(target)
        self.features, self.drop = tuple(features), tuple(drop)
        self.fractions, self.seed = fractions, seed
        check_fractions(fractions)
        self._check_options()
        self._frame = read_table(Path(file))
        self._names = self._columns()

    @cached_property
    def split_names(self) -> tuple[str, ...]:
        """The splits that hold a task, or a class."""
        return tuple(name for name in SPLITS if len(self._pools[name].names))

    def split(self, name: str) -> Any:
        """Give the tasks, or the classes, of ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            UserError: If there is no such split, or it is empty.
        """
        check_split(name, SPLITS)
        what, pool = "class" if self.task is None else "task", self._pools[name]
        require(
            len(pool.names) > 0,
            f"Split {name!r} of {self.file} should have at least one {what}. Found none: change "
            "`fractions`.",
        )
        return replace(pool, label=f"table/{name}")

    def notes(self) -> list[str]:
        """Say how many tasks, or classes, there are in each split, and the columns used."""
        what = "classes" if self.task is None else "tasks"
        counts = {name: len(pool.names) for name, pool in self._pools.items()}
        given = f"{len(self._frame)} rows, predicted from {', '.join(self._names)}."
        return [given, in_words(what, counts)]

    @cached_property
    def _pools(self) -> dict[str, TableTasks | Classes]:
        return dict(self._classes() if self.task is None else self._tasks(self.task))

    def _check_options(self) -> None:
        if self.task is None:
            good = self.label is not None and not self.target
            message = (
                "A table needs --task (each value is a task), or only --label (each is a class)."
            )
        else:
            good = (self.label is None) != (not self.target)
            message = "A table with --task needs one of --target (numbers) and --label (classes)."
        given = f"task={self.task}, label={self.label}, target={self.target}"
        require(good, f"{message} Found {given}.")

    def _columns(self) -> tuple[str, ...]:
        """The columns to predict from."""
        asked = [name for name in (self.task, self.label, *self.target) if name is not None]
        check_columns(self._frame, [*asked, *self.features, *self.drop])
        others = self.features or [name for name in self._frame.columns if name not in asked]
        kept = tuple(name for name in others if name not in self.drop)
        require(len(kept) > 0, f"{self.file} should have a column to predict from. Found none.")
        return kept

    def _tasks(self, task: str) -> dict[str, TableTasks]:
        """Three sets of tasks; means, scales and categories are those of the first."""
        classifies = self.label is not None
        target = [self.label] if self.label is not None else list(self.target)
        kind = "classification" if classifies else "regression"
        table = Table(self._frame, task, target, kind, features=self._names)  # type: ignore[arg-type]
        parts = divide(len(table.names), self.fractions, self.seed)
        return table.divided(parts)

    def _classes(self) -> dict[str, Classes]:
        """Three pools of classes; means, scales and categories are those of the first's rows."""
        frame = self._frame[self._frame[self.label].notna()]
        labels = frame[self.label].map(class_name)
        names = classes_of(torch.arange(len(frame)), labels.tolist()).names
        parts = divide(len(names), self.fractions, self.seed)
        of_split = {name: labels.isin([names[i] for i in part]) for name, part in parts.items()}
        encoder = Encoder.fit(frame[of_split["train"]], self._names)
        return {name: _pool(encoder, frame[rows], labels[rows]) for name, rows in of_split.items()}


def _pool(encoder: Encoder, frame: pd.DataFrame, labels: pd.Series) -> Classes:
    values = torch.from_numpy(encoder(frame)).to(torch.get_default_dtype())
    return classes_of(values, labels.tolist(), "table")


__all__ = ["Rows"]
