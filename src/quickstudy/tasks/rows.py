"""A table file as data: its tasks, or the classes of one of its columns."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.tasks.arrays import classes_of, in_words
from quickstudy.tasks.classes import Classes
from quickstudy.tasks.data import SPLITS, Data, Fractions, check_fractions, check_split, divide
from quickstudy.tasks.encoder import Encoder, check_columns
from quickstudy.tasks.table import Table, class_name, read_table
from quickstudy.tasks.table_form import TableForm
from quickstudy.tasks.table_tasks import TableTasks


class Rows(Data):
    """A .csv or .parquet file: its rows are the examples of many tasks, or of many classes.

    With ``task``, every value of that column is a task, drawn with ``shot`` of its rows: ``target``
    is predicted by regression, ``label`` by classification. Without ``task``, every value of
    ``label`` is a class, and tasks are N-way K-shot. Columns are scaled and encoded as the training
    rows say, see :class:`~quickstudy.tasks.encoder.Encoder`, and numbers to predict are scaled too.

    Args:
        file: The file.
        task: The column that says which task a row belongs to.
        label: The column of the classes.
        target: The columns of numbers to predict.
        features: The columns to predict from; by default all others.
        drop: Columns to leave out of the features.
        fractions: How the tasks, or the classes, are divided into train, validation and test.
        seed: Seed of the division.
        scaled_by: Another such file, whose training rows say means, scales, categories and
            classes; by default this one.

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
        scaled_by: str | Path | None = None,
    ) -> None:
        self.file, self.task, self.label = file, task, label
        self.target = (target,) if isinstance(target, str) else tuple(target)
        self.features, self.drop = tuple(features), tuple(drop)
        self.fractions, self.seed, self.scaled_by = fractions, seed, scaled_by
        check_fractions(fractions)
        self._check_options()
        self._frame = read_table(Path(file))
        self._names = self._columns()

    @cached_property
    def split_names(self) -> tuple[str, ...]:
        """The splits that hold a task, or a class."""
        return tuple(name for name in SPLITS if len(self._parts[name]))

    def split(self, name: str) -> Any:
        """Give the tasks, or the classes, of ``"train"``, ``"validation"`` or ``"test"``.

        Raises:
            UserError: If there is no such split, or it is empty.
        """
        check_split(name, SPLITS)
        what = "class" if self.task is None else "task"
        require(
            len(self._parts[name]) > 0,
            f"Split {name!r} of {self.file} should have at least one {what}. Found none: change "
            "`fractions`.",
        )
        places = self._parts[name]
        if isinstance(self._all, Classes):
            return self._all.subset(places, f"table/{name}")
        return replace(self._all.subset(places.tolist()), label=f"table/{name}")

    def everything(self) -> Any:
        """Give all tasks, or all classes."""
        return self._all

    def notes(self) -> list[str]:
        """Say how many tasks, or classes, there are in each split, and the columns used."""
        what = "classes" if self.task is None else "tasks"
        counts = {name: len(part) for name, part in self._parts.items()}
        found = [
            f"{len(self._frame)} rows, predicted from {', '.join(self._names)}.",
            f"{in_words(what, counts)} Divided by chance (seed {self.seed}).",
        ]
        if self.target:
            found.append("Targets are scaled to mean 0 and standard deviation 1 of training rows.")
        return found

    @cached_property
    def form(self) -> TableForm:
        """What rows become: features as training rows scale them, and scaled targets or classes."""
        require(self.task is not None, "A table without --task has no form of a task's rows.")
        if self.scaled_by is not None:
            return self._scale().form
        target = [self.label] if self.label is not None else list(self.target)
        kind: Any = "regression" if self.label is None else "classification"
        table = Table(self._frame, str(self.task), target, kind, features=self._names)
        parts = divide(len(table.names), self.fractions, self.seed)
        train = table.divided({"train": parts["train"]})["train"]
        return TableForm.of(train, table.labels)

    @cached_property
    def encoder(self) -> Encoder:
        """What the columns of a row become."""
        if self.task is not None:
            return self.form.encoder
        if self.scaled_by is not None:
            return self._scale().encoder
        own = self._labels.isin([self._class_names[i] for i in self._parts["train"]])
        return Encoder.fit(self._labelled[own], self._names)

    def _scale(self) -> "Rows":
        return Rows(
            str(self.scaled_by),
            self.task,
            self.label,
            self.target,
            self.features,
            self.drop,
            self.fractions,
            self.seed,
        )

    @cached_property
    def _all(self) -> TableTasks | Classes:
        if self.task is not None:
            return replace(tasks_in(self._frame, self.task, self.form), label="table")
        values = torch.from_numpy(self.encoder(self._labelled)).to(torch.get_default_dtype())
        return classes_of(values, self._labels.tolist(), "table")

    @cached_property
    def _parts(self) -> dict[str, Tensor]:
        """The places of the tasks, or of the classes, of every split."""
        if self.task is None:
            return divide(len(self._class_names), self.fractions, self.seed)
        column = labelled(self._frame, self.label or "", self.target)[self.task]
        return divide(int(column.nunique()), self.fractions, self.seed)

    @cached_property
    def _labelled(self) -> pd.DataFrame:
        return self._frame[self._frame[self.label].notna()]

    @cached_property
    def _labels(self) -> pd.Series:
        return self._labelled[self.label].map(class_name)

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        labels = self._labels.tolist()
        return classes_of(torch.arange(len(labels)), labels).names

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


def labelled(frame: pd.DataFrame, label: str, target: Sequence[str]) -> pd.DataFrame:
    """Give the rows that have a label, or all targets."""
    return frame[frame[[label] if label else list(target)].notna().all(axis=1)]


def tasks_in(frame: pd.DataFrame, task: str, form: TableForm) -> TableTasks:
    """Give the tasks of ``frame``, the values of column ``task``, in the ``form`` of other rows.

    Raises:
        UserError: If a column is missing, no row has a label, or a task is not named.
    """
    check_columns(frame, [task])
    frame = frame[form.labelled(frame)]
    require(len(frame) > 0, f"Rows should have {', '.join(form.targets)}. Found none that has.")
    values, names = pd.factorize(frame[task], sort=True)
    require(bool((values >= 0).all()), f"Column {task!r} should say the task of every row.")
    order = values.argsort(kind="stable")
    rows, index = frame.iloc[order], torch.from_numpy(values[order].astype("int64"))
    identity, known = torch.arange(len(names)), tuple(map(str, names))
    return TableTasks(
        form.inputs(rows),
        form.outputs(rows),
        index,
        known,
        identity,
        form.target,
        form.encoder,
        "rows",
    )


__all__ = ["Rows", "tasks_in"]
