"""A table with a task column: every value of it is a task, every row one of its examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.errors import require
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks.encoder import Encoder, check_columns
from quickstudy.tasks.table_tasks import TableTasks
from quickstudy.tasks.tables.asked import Reading, texts
from quickstudy.tasks.tables.column_names import check_names
from quickstudy.tasks.tables.read_file import read_table
from quickstudy.tasks.tables.schema import Schema
from quickstudy.tasks.tables.spelling import label_codes, spell

KindName = Literal["regression", "classification"]
Kinds = KindName | Mapping[str, KindName]


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
        _check_kind(kind)
        kinds = {str(name): one for name, one in (columns or {}).items()}
        asked = Reading(separator, decimal, encoding, texts(missing), kinds)
        given = isinstance(data, pd.DataFrame)
        frame = check_names(data if given else read_table(Path(data), asked))
        self.task = str(task)
        self.targets = (str(target),) if isinstance(target, str | int) else tuple(map(str, target))
        _check_single(self.targets, kind)
        self.features = self._features_of(frame, features, asked)
        kinds_of_targets = _kind_of_each(self.targets, kind)
        labelled = self._labelled(frame, kinds_of_targets, isinstance(kind, Mapping), asked)
        self.num_unlabelled = int((~labelled).sum())
        rows = frame if labelled.all() else frame[labelled]
        self.schema = Schema.infer(rows, self.features, kinds_of_targets, self.task, asked)
        self._order(self.schema.apply(rows))
        self.target, self.labels, self._y = _targets(self.frame, self.targets, kind)
        require(
            not own_classes or self.target.way is not None,
            "Parameter `own_classes` goes with kind='classification' only.",
        )
        if own_classes:
            self._number_within_tasks()

    def _features_of(
        self, frame: pd.DataFrame, features: Sequence[str] | None, asked: Reading
    ) -> tuple[str, ...]:
        """Give the columns to predict from, without those that are ignored."""
        taken = [self.task, *self.targets]
        _check_answers(self.task, self.targets)
        others = [name for name in frame.columns if name not in taken]
        chosen = others if features is None else list(dict.fromkeys(map(str, features)))
        check_columns(frame, [*taken, *chosen, *asked.kinds])
        both = set(taken).intersection(chosen)
        require(
            not both,
            "Parameter `features` should leave out the task and the targets. Found "
            f"{sorted(both)}.",
        )
        return tuple(name for name in chosen if name not in asked.ignored)

    def _labelled(
        self, frame: pd.DataFrame, kinds: Mapping[str, KindName], several: bool, asked: Reading
    ) -> np.ndarray:
        """Say which rows have the targets, or one at least of several kinds."""
        answers = frame[[self.task, *self.targets]]
        read = Schema.infer(answers, (), kinds, self.task, asked).apply(answers)
        empty = int(read[self.task].isna().sum())
        require(
            not empty,
            f"Column {self.task!r} should say the task of every row. Found {empty} empty cells.",
        )
        known = read[list(self.targets)].notna()
        found: np.ndarray = (known.any(axis=1) if several else known.all(axis=1)).to_numpy()
        require(
            bool(found.any()),
            f"The table should have a row with a target. Found none in {', '.join(self.targets)}.",
        )
        return found

    def _order(self, frame: pd.DataFrame) -> None:
        """Keep the rows in the order of their tasks."""
        values, self.names = label_codes(frame[self.task])
        require(
            len(self.names) >= 2,
            f"Column {self.task!r} should hold at least 2 tasks. Found {len(self.names)}: nothing "
            "to share with.",
        )
        order = np.argsort(values, kind="stable")
        self.frame, self._values = frame.iloc[order], values[order]

    def _number_within_tasks(self) -> None:
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
        require(
            0 < fraction < 1,
            f"Parameter `fraction` should be between 0 and 1. Found fraction={fraction}.",
        )
        draw = np.random.default_rng([seed, 0])
        chosen = np.zeros(len(self.frame), dtype=bool)
        for rows in self._rows():
            chosen[draw.permutation(rows)[: max(1, round(fraction * len(rows)))]] = True
        encoder = self._encoder(chosen)
        return self._tasks_of(chosen, encoder, "seen tasks"), self._tasks_of(
            ~chosen, encoder, "seen tasks, new rows"
        )

    @recorded
    def split_tasks(self, new: float | int = 0.25, seed: int = 0) -> tuple[TableTasks, TableTasks]:
        """Split the tasks at random: those to learn from, and unseen ones.

        ``new`` is the number of unseen tasks, or their part of all.
        """
        count = new if isinstance(new, int) else max(1, round(new * len(self.names)))
        require(
            0 < count < len(self.names),
            f"Parameter `new` should leave tasks on both sides. Found new={new} of "
            f"{len(self.names)} tasks.",
        )
        unseen = np.random.default_rng([seed, 1]).permutation(len(self.names))[:count]
        held = np.isin(self._values, unseen)
        encoder = self._encoder(~held)
        return self._tasks_of(~held, encoder, "training tasks"), self._tasks_of(
            held, encoder, "unseen tasks"
        )

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
        dtype = torch.get_default_dtype()
        kept, task = np.unique(self._values[rows], return_inverse=True)
        y = torch.from_numpy(self._y[rows])
        return TableTasks(
            torch.from_numpy(encoder(self._chosen(rows))).to(dtype),
            y if self.target.way is not None else y.to(dtype),
            torch.from_numpy(task),
            tuple(self.names[index] for index in kept),
            torch.from_numpy(kept),
            self.target,
            encoder,
            f"table/{label}",
        )


def class_name(value: object) -> str:
    """Give the name of a class: the one spelling of its value."""
    return spell(value)


def _check_kind(kind: object) -> None:
    kinds = set(kind.values()) if isinstance(kind, Mapping) else {kind}
    require(
        kinds <= {"regression", "classification"},
        f"Parameter `kind` should be 'regression' or 'classification'. Found {kind!r}.",
    )


def _check_answers(task: str, targets: tuple[str, ...]) -> None:
    require(bool(targets), "Parameter `target` should name at least one column. Found none.")
    require(
        task not in targets,
        f"Parameter `target` should be another column than the task. Found {task!r} as both.",
    )
    twice = sorted({name for name in targets if targets.count(name) > 1})
    require(
        not twice, f"Parameter `target` should name every column once. Found {twice[:1]} twice."
    )


def _check_single(targets: tuple[str, ...], kind: Kinds) -> None:
    require(
        kind != "classification" or len(targets) == 1,
        f"Classification predicts one column. Found {len(targets)}: {', '.join(targets)}.",
    )


def _kind_of_each(targets: tuple[str, ...], kind: Kinds) -> dict[str, KindName]:
    """Give the kind of each target."""
    if not isinstance(kind, Mapping):
        return dict.fromkeys(targets, kind)
    each = {str(name): one for name, one in kind.items()}
    require(
        set(each) == set(targets),
        f"Parameter `kind` should say the kind of every target. Found {sorted(each)} for "
        f"{sorted(targets)}.",
    )
    return {name: each[name] for name in targets}


def _targets(
    frame: pd.DataFrame, targets: tuple[str, ...], kind: Kinds
) -> tuple[Target, dict[str, tuple[str, ...]], np.ndarray]:
    """Give the kind of the tasks, the names of the classes by target, and every row's targets."""
    columns = {name: _column(frame[name]) for name in targets}
    labels = {name: classes for name, (_, classes) in columns.items()}
    values = np.stack([values for values, _ in columns.values()], 1)
    if isinstance(kind, Mapping):
        return Several(tuple(map(len, labels.values()))), labels, values
    if kind == "regression":
        return Numbers((len(targets),)), labels, values
    return Classes(len(labels[targets[0]])), labels, values[:, 0].astype(np.int64)


def _column(column: "pd.Series[Any]") -> tuple[np.ndarray, tuple[str, ...]]:
    """Give the values of a column, and the names of its classes, none for numbers.

    Classes are floating-point indices; both are NaN for an empty cell.
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), ()
    codes, classes = label_codes(column)
    require(
        len(classes) >= 2,
        f"Column {column.name!r} should hold at least 2 classes. Found {len(classes)}.",
    )
    return np.where(codes < 0, np.nan, codes), classes


__all__ = ["Table", "class_name", "read_table"]
