"""A table with a task column: every value of it is a task, every row one of its examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.errors import require
from quickstudy.targets import Classes
from quickstudy.tasks.encoder import Encoder, check_columns
from quickstudy.tasks.table_form import rows_with_labels
from quickstudy.tasks.table_targets import (
    KindName,
    Kinds,
    check_answers,
    check_kind,
    check_single,
    kind_of_each,
    targets_of,
)
from quickstudy.tasks.table_tasks import TableTasks, check_fraction, part_of_rows
from quickstudy.tasks.tables.asked import Reading, texts
from quickstudy.tasks.tables.column_names import check_names
from quickstudy.tasks.tables.read_file import read_table
from quickstudy.tasks.tables.schema import Schema
from quickstudy.tasks.tables.spelling import label_codes, spell


class Table:
    """Makes tasks of a CSV file, a Parquet file or a DataFrame.

    ``qs.tasks.Table("school.csv", task="school", target="score")``

    Two protocols, each split by a seed: :meth:`split_rows`, new rows of tasks that were seen, and
    :meth:`split_tasks`, tasks that were not. What each column holds is decided by the rows that
    have a target, see :attr:`schema`; features are scaled and encoded as the training rows say, see
    :class:`~quickstudy.tasks.encoder.Encoder`. A row without a target is left out.

    Args:
        data: The path of a ``.csv`` or ``.parquet`` file, or a DataFrame.
        task: The column that says which task a row belongs to.
        target: The column to predict, or several: regression with several targets uses the rows
            that have them all.
        kind: ``"regression"``, or ``"classification"`` of the values of one column. Targets of
            several kinds are said one by one, ``{"score": "regression", "passed":
            "classification"}``: rows may then lack some of the labels, and
            :class:`~quickstudy.models.MultiTarget` predicts them.
        features: The columns to predict from; by default all others.
        own_classes: Number the classes within every task, in their order: those of one task have
            nothing to do with another's, and tasks may have different numbers of them. Learners
            whose head serves any way learn from such tasks.
        columns: What some columns hold, in place of what is found out: ``{"zip": "category",
            "note": "ignore"}``. A kind is ``"number"``, ``"category"``, ``"truth value"``,
            ``"date"``, a format of dates as ``"%d.%m.%Y"``, or ``"ignore"``.
        missing: Text that stands for no value in every column, also of tasks and labels.
        separator: The sign between the cells of a CSV file; by default it is found out.
        decimal: The decimal sign of numbers in text; by default it is found out by column.
        encoding: The encoding of a CSV file; by default UTF-8, or Windows-1252 if it is not.

    Attributes:
        labels: The names of the classes by target, none for a number.
        schema: What each column holds, and why.
        frame: The columns that are used, of the rows with a target, read as the schema says.

    Raises:
        UserError: If the file cannot be read, a column is missing, a cell of the task column is
            empty, there is only one task, a target of regression is text, a number is infinite, a
            column to predict from is free text, two columns have one name, or no row is left.

    Example:
        >>> import pandas as pd, quickstudy as qs
        >>> shop, price, sold = [1, 1, 2, 2, 2], [3.0, 4, 3, 5, 6], [9.0, 7, 5, 4, 2]
        >>> rows = pd.DataFrame({"shop": shop, "price": price, "sold": sold})
        >>> train, test = qs.tasks.Table(rows, task="shop", target="sold").split_rows(0.5)
        >>> train.names, train.sizes, test.sizes
        (('1', '2'), [1, 2], [1, 1])
    """

    def __init__(
        self,
        data: str | Path | pd.DataFrame,
        task: str,
        target: str | Sequence[str],
        kind: Kinds = "regression",
        features: Sequence[str] | None = None,
        own_classes: bool = False,
        columns: Mapping[str, str] | None = None,
        missing: Sequence[str] = (),
        separator: str | None = None,
        decimal: str | None = None,
        encoding: str | None = None,
    ) -> None:
        check_kind(kind)
        kinds = {str(name): one for name, one in (columns or {}).items()}
        asked = Reading(separator, decimal, encoding, texts(missing), kinds)
        frame = _frame_of(data, asked)
        self.task = str(task)
        self.targets = (str(target),) if isinstance(target, str | int) else tuple(map(str, target))
        check_single(self.targets, kind)
        self.features = self._features_of(frame, features, asked)
        kinds_of_targets = kind_of_each(self.targets, kind)
        labelled = self._labelled(frame, kinds_of_targets, isinstance(kind, Mapping), asked)
        self.num_unlabelled = int((~labelled).sum())
        rows = frame if labelled.all() else frame[labelled]
        self.schema = Schema.infer(rows, self.features, kinds_of_targets, self.task, asked)
        self._order(self.schema.apply(rows))
        self.target, self.labels, self._y = targets_of(self.frame, self.targets, kind)
        if own_classes:
            self._number_within_tasks()

    def _features_of(
        self, frame: pd.DataFrame, features: Sequence[str] | None, asked: Reading
    ) -> tuple[str, ...]:
        """Give the columns to predict from, without those that are ignored."""
        taken = [self.task, *self.targets]
        check_answers(self.task, self.targets)
        others = [name for name in frame.columns if name not in taken]
        chosen = others if features is None else list(dict.fromkeys(map(str, features)))
        check_columns(frame, [*taken, *chosen, *asked.kinds])
        _check_left_out(taken, chosen)
        return tuple(name for name in chosen if name not in asked.ignored)

    def _labelled(
        self, frame: pd.DataFrame, kinds: Mapping[str, KindName], several: bool, asked: Reading
    ) -> np.ndarray:
        """Say which rows have the targets, or one at least of several kinds."""
        answers = frame[[self.task, *self.targets]]
        read = Schema.infer(answers, (), kinds, self.task, asked).apply(answers)
        _check_task(read[self.task])
        found = rows_with_labels(read[list(self.targets)], several)
        require(
            bool(found.any()),
            f"The table should have a row with a target. Found none in {', '.join(self.targets)}.",
        )
        return found

    def _order(self, frame: pd.DataFrame) -> None:
        """Keep the rows in the order of their tasks."""
        values, self.names = label_codes(frame[self.task])
        _check_several(self.task, len(self.names))
        order = np.argsort(values, kind="stable")
        self.frame, self._values = frame.iloc[order], values[order]

    def _number_within_tasks(self) -> None:
        require(
            self.target.way is not None,
            "Parameter `own_classes` goes with kind='classification' only.",
        )
        self._y = np.concatenate(
            [np.unique(self._y[rows], return_inverse=True)[1] for rows in self._rows()]
        )
        self.target = Classes(int(self._y.max()) + 1)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, if one column of them is predicted."""
        return self.labels[self.targets[0]] if self.target.way is not None else ()

    def __repr__(self) -> str:
        return (
            f"Table({len(self.frame)} rows, {len(self.names)} tasks by {self.task!r}, "
            f"{type(self.target).__name__.lower()} in {', '.join(self.targets)})"
        )

    @recorded
    def split_rows(self, fraction: float = 0.75, seed: int = 0) -> tuple[TableTasks, TableTasks]:
        """Split every task's rows at random: seen tasks, new rows.

        The first part holds a ``fraction`` of the rows of every task, at least one, and the second
        the others. A task of one row has none in the second part.
        """
        check_fraction(fraction)
        draw = np.random.default_rng([seed, 0])
        chosen = np.zeros(len(self.frame), dtype=bool)
        for rows in self._rows():
            chosen[draw.permutation(rows)[: part_of_rows(fraction, len(rows))]] = True
        return self._two_parts(chosen, "seen tasks", "seen tasks, new rows")

    @recorded
    def split_tasks(self, new: float | int = 0.25, seed: int = 0) -> tuple[TableTasks, TableTasks]:
        """Split the tasks at random: those to learn from, and unseen ones.

        ``new`` is the number of unseen tasks, or their part of all.
        """
        count = _num_unseen(new, len(self.names))
        unseen = np.random.default_rng([seed, 1]).permutation(len(self.names))[:count]
        return self._two_parts(~np.isin(self._values, unseen), "training tasks", "unseen tasks")

    def _two_parts(
        self, chosen: np.ndarray, first: str, second: str
    ) -> tuple[TableTasks, TableTasks]:
        """Give the ``chosen`` rows ``[row]`` and the others, both scaled as the chosen are."""
        encoder = self._encoder(chosen)
        return self._tasks_of(chosen, encoder, first), self._tasks_of(~chosen, encoder, second)

    def divided(self, parts: Mapping[str, Tensor]) -> dict[str, TableTasks]:
        """Divide the tasks into ``parts``, places of tasks by name, scaled as the first part is."""
        rows = {name: np.isin(self._values, part.numpy()) for name, part in parts.items()}
        encoder = self._encoder(next(iter(rows.values())))
        return {name: self._tasks_of(own, encoder, name) for name, own in rows.items()}

    def whole(self) -> TableTasks:
        """Give all tasks and rows, scaled by themselves: a model for use is learned from them."""
        rows = np.ones(len(self.frame), dtype=bool)
        return self._tasks_of(rows, self._encoder(rows), "all tasks")

    def _rows(self) -> list[np.ndarray]:
        return np.split(np.arange(len(self.frame)), np.cumsum(np.bincount(self._values))[:-1])

    def _encoder(self, rows: np.ndarray) -> Encoder:
        return Encoder.fit(self._chosen(rows), self.features, self.schema)

    def _chosen(self, rows: np.ndarray) -> pd.DataFrame:
        return self.frame if rows.all() else self.frame[rows]

    def _tasks_of(self, rows: np.ndarray, encoder: Encoder, label: str) -> TableTasks:
        kept, task = np.unique(self._values[rows], return_inverse=True)
        return TableTasks(
            encoder.tensor(self._chosen(rows)),
            self._answers(rows),
            torch.from_numpy(task),
            tuple(self.names[index] for index in kept),
            torch.from_numpy(kept),
            self.target,
            encoder,
            f"table/{label}",
        )

    def _answers(self, rows: np.ndarray) -> Tensor:
        """Give the targets of some rows: class indices, or numbers of the default dtype."""
        y = torch.from_numpy(self._y[rows])
        return y if self.target.way is not None else y.to(torch.get_default_dtype())


def class_name(value: object) -> str:
    """Give the name of a class: the one spelling of its value."""
    return spell(value)


def _frame_of(data: str | Path | pd.DataFrame, asked: Reading) -> pd.DataFrame:
    """Read a file; a frame is taken as it is."""
    given = isinstance(data, pd.DataFrame)
    return check_names(data if given else read_table(Path(data), asked))


def _num_unseen(new: float | int, num_tasks: int) -> int:
    """Give the number of unseen tasks, which may be said as their part of all."""
    count = new if isinstance(new, int) else max(1, round(new * num_tasks))
    require(
        0 < count < num_tasks,
        f"Parameter `new` should leave tasks on both sides. Found new={new} of {num_tasks} tasks.",
    )
    return count


def _check_left_out(taken: list[str], chosen: list[str]) -> None:
    both = set(taken).intersection(chosen)
    require(
        not both,
        f"Parameter `features` should leave out the task and the targets. Found {sorted(both)}.",
    )


def _check_task(column: "pd.Series[Any]") -> None:
    empty = int(column.isna().sum())
    require(
        not empty,
        f"Column {column.name!r} should say the task of every row. Found {empty} empty cells.",
    )


def _check_several(task: str, num_tasks: int) -> None:
    require(
        num_tasks >= 2,
        f"Column {task!r} should hold at least 2 tasks. Found {num_tasks}: nothing to share with.",
    )


__all__ = ["KindName", "Table", "class_name", "read_table"]
