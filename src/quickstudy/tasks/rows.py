"""A table file as data: its tasks, or the classes of one of its columns."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.tasks.arrays import classes_of, in_words
from quickstudy.tasks.classes import Classes
from quickstudy.tasks.data import SPLITS, Data, Fractions, check_fractions, check_split, divide
from quickstudy.tasks.encoder import Encoder, check_columns
from quickstudy.tasks.table import Table
from quickstudy.tasks.table_form import TableForm
from quickstudy.tasks.table_tasks import TableTasks
from quickstudy.tasks.tables.asked import reading_of, texts
from quickstudy.tasks.tables.carriers import FOUND, is_written
from quickstudy.tasks.tables.column_names import check_names
from quickstudy.tasks.tables.column_schema import ColumnSchema
from quickstudy.tasks.tables.read_file import read_table
from quickstudy.tasks.tables.schema import Schema
from quickstudy.tasks.tables.spelling import label_codes

OPTIONS = (
    *("task", "label", "target", "features", "drop", "fractions", "seed"),
    *("numbers", "categories", "dates", "ignore"),
    *("missing", "separator", "decimal", "encoding"),
)
"""The options of :class:`Rows` that a file and the one that scales it have in common."""


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
        numbers: Columns that hold numbers, if something else is found out.
        categories: Columns that hold categories, each value a feature.
        dates: Columns that hold dates.
        ignore: Columns to leave out.
        missing: Text that stands for no value in every column, also of tasks and labels.
        separator: The sign between cells; by default it is found out.
        decimal: The decimal sign of numbers; by default it is found out.
        encoding: The encoding of the file; by default UTF-8, or Windows-1252 if it is not.

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
        numbers: Sequence[str] = (),
        categories: Sequence[str] = (),
        dates: Sequence[str] = (),
        ignore: Sequence[str] = (),
        missing: Sequence[str] = (),
        separator: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self.file = file
        self.task, self.label = task, label
        self.target = (target,) if isinstance(target, str) else tuple(target)
        self.features, self.drop = tuple(features), tuple(drop)
        self.fractions, self.seed = fractions, seed
        self.scaled_by = scaled_by
        self.numbers, self.categories = texts(numbers), texts(categories)
        self.dates, self.ignore = texts(dates), texts(ignore)
        self.missing = texts(missing)
        self.separator, self.decimal = separator, decimal
        self.encoding = encoding
        check_fractions(fractions)
        self._check_options()
        self._asked = reading_of(self)
        self._frame = read_table(Path(file), self._asked)
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
        places = self._parts[name]
        self._check_filled(name, places)
        if isinstance(self._all, Classes):
            return self._all.subset(places, f"table/{name}")
        return replace(self._all.subset(places.tolist()), label=f"table/{name}")

    def _check_filled(self, name: str, places: Tensor) -> None:
        what = "class" if self.task is None else "task"
        require(
            len(places) > 0,
            f"Split {name!r} of {self.file} should have at least one {what}. Found none: change "
            "`fractions`.",
        )

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
        found += [f"Found out: {told}." for told in self._frame.attrs.get(FOUND, ())]
        if self.target:
            found.append("Targets are scaled to mean 0 and standard deviation 1 of training rows.")
        return found

    @cached_property
    def form(self) -> TableForm:
        """What rows become: features as training rows scale them, and scaled targets or classes."""
        require(self.task is not None, "A table without --task has no form of a task's rows.")
        if self.scaled_by is not None:
            return self._scale().form
        table = self._table()
        parts = divide(len(table.names), self.fractions, self.seed)
        train = table.divided({"train": parts["train"]})["train"]
        return TableForm.of(train, table.labels)

    def _table(self) -> Table:
        """The rows as a table of tasks."""
        target = [self.label] if self.label is not None else list(self.target)
        return Table(
            self._frame,
            str(self.task),
            target,
            "regression" if self.label is None else "classification",
            features=self._names,
            **self._asked.for_table,
        )

    @cached_property
    def encoder(self) -> Encoder:
        """What the columns of a row become."""
        if self.task is not None:
            return self.form.encoder
        if self.scaled_by is not None:
            return self._scale().encoder
        return Encoder.fit(self._labelled[self._in_training], self._names, self._schema)

    @property
    def _in_training(self) -> np.ndarray:
        """Which labelled rows are of the classes of training ``[row]``."""
        chosen = [self._class_names[index] for index in self._parts["train"].tolist()]
        found: np.ndarray = self._labels.isin(chosen).to_numpy()
        return found

    @cached_property
    def _schema(self) -> Schema:
        """What the columns hold, if every value of the label is a class."""
        return Schema.infer(
            self._labelled,
            self._names,
            {str(self.label): "classification"},
            asked=self._asked,
        )

    def _scale(self) -> "Rows":
        """Open the file that says the scale, read as this one."""
        return Rows(str(self.scaled_by), **{name: getattr(self, name) for name in OPTIONS})

    @cached_property
    def _all(self) -> TableTasks | Classes:
        if self.task is not None:
            return replace(tasks_in(self._frame, self.task, self.form), label="table")
        values = self.encoder.tensor(self._labelled)
        return classes_of(values, self._labels.tolist(), "table")

    @cached_property
    def _parts(self) -> dict[str, Tensor]:
        """The places of the tasks, or of the classes, of every split."""
        if self.task is None:
            return divide(len(self._class_names), self.fractions, self.seed)
        return divide(self._num_tasks(), self.fractions, self.seed)

    def _num_tasks(self) -> int:
        """The number of tasks that have a row with a label."""
        column = self._frame[self.form.labelled(self._frame)][self.task]
        return len(label_codes(self._as_label(str(self.task), column))[1])

    def _as_label(self, name: str, column: "pd.Series[Any]") -> "pd.Series[Any]":
        return ColumnSchema(name, "category", missing=self.missing).read(
            column, is_written(self._frame)
        )

    @cached_property
    def _labelled(self) -> pd.DataFrame:
        return self._frame[self._all_labels.notna()]

    @cached_property
    def _all_labels(self) -> "pd.Series[Any]":
        """The class of every row."""
        return self._as_label(str(self.label), self._frame[self.label])

    @cached_property
    def _labels(self) -> "pd.Series[Any]":
        return self._all_labels[self._all_labels.notna()]

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
        check_columns(self._frame, [*asked, *self.features, *self.drop, *self._asked.kinds])
        others = self.features or [name for name in self._frame.columns if name not in asked]
        left_out = {*self.drop, *self._asked.ignored}
        kept = tuple(name for name in others if name not in left_out)
        require(len(kept) > 0, f"{self.file} should have a column to predict from. Found none.")
        return kept


def tasks_in(frame: pd.DataFrame, task: str, form: TableForm) -> TableTasks:
    """Give the tasks of ``frame``, the values of column ``task``, in the ``form`` of other rows.

    Raises:
        UserError: If a column is missing, no row has a label, or a task is not named.
    """
    frame = check_names(frame)
    check_columns(frame, [task])
    cells = is_written(frame)
    rows = frame[form.labelled(frame)]
    require(len(rows) > 0, f"Rows should have {', '.join(form.targets)}. Found none that has.")
    values, names = label_codes(form.schema.column(task, "category").read(rows[task], cells))
    require(bool((values >= 0).all()), f"Column {task!r} should say the task of every row.")
    order = values.argsort(kind="stable")
    return _tasks_of(rows.iloc[order], torch.from_numpy(values[order]), names, form)


def new_tasks(frame: pd.DataFrame, form: TableForm) -> TableTasks:
    """Give the tasks whose rows ``frame`` holds, in the ``form`` of the rows that were learned.

    If it has the column of the tasks, each value of it is a task; else all rows are of one task,
    which has no name.

    Raises:
        UserError: If a column is missing, no row has a label, or only some rows name their task.
    """
    task = form.schema.task
    if task is not None and task in frame.columns and frame[task].notna().any():
        return tasks_in(frame, task, form)
    one = frame[form.labelled(frame)]
    return _tasks_of(one, torch.zeros(len(one), dtype=torch.long), ("",), form)


def _tasks_of(
    rows: pd.DataFrame, task: Tensor, names: tuple[str, ...], form: TableForm
) -> TableTasks:
    """Encode rows that are in the order of their tasks."""
    return TableTasks(
        form.inputs(rows),
        form.outputs(rows),
        task,
        names,
        torch.arange(len(names)),
        form.target,
        form.encoder,
        "rows",
    )


__all__ = ["Rows", "new_tasks", "tasks_in"]
