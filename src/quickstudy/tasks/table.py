"""A table with a task column: every value of that column is a task, every row one of its examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.errors import UserError, require
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks.encoder import Encoder, check_columns, is_numeric, numbers
from quickstudy.tasks.table_tasks import TableTasks

KindName = Literal["regression", "classification"]


class Table:
    """Tasks from a CSV file, a Parquet file or a DataFrame: ``qs.tasks.Table("school.csv",
    task="school", target="score")``.

    Two protocols, each split by a seed: :meth:`split_rows`, new rows of tasks that were seen, and
    :meth:`split_tasks`, tasks that were not. Features are scaled and encoded as the training rows
    say, see :class:`~quickstudy.tasks.encoder.Encoder`. A row without a target is left out.

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

    Attributes:
        labels: The names of the classes by target, none for a number.

    Raises:
        UserError: If the file cannot be read, a column is missing, a cell of the task column is
            empty, there is one task alone, a target of regression is text, a number is infinite, or
            no row is left.

    Example:
        >>> import pandas as pd, quickstudy as qs
        >>> rows = pd.DataFrame({"shop": [1, 1, 2, 2, 2], "price": [3.0, 4, 3, 5, 6], "sold": [9.0, 7, 5, 4, 2]})
        >>> train, test = qs.tasks.Table(rows, task="shop", target="sold").split_rows(0.5)
        >>> train.names, train.sizes, test.sizes
        (('1', '2'), [1, 2], [1, 1])
    """

    def __init__(
        self,
        data: str | Path | pd.DataFrame,
        task: str,
        target: str | Sequence[str],
        kind: KindName | Mapping[str, KindName] = "regression",
        features: Sequence[str] | None = None,
        own_classes: bool = False,
    ) -> None:
        kinds = set(kind.values()) if isinstance(kind, Mapping) else {kind}
        require(
            kinds <= {"regression", "classification"},
            f"Parameter `kind` should be 'regression' or 'classification'. Found {kind!r}.",
        )
        frame = data if isinstance(data, pd.DataFrame) else read_table(Path(data))
        self.task, self.targets = task, (target,) if isinstance(target, str) else tuple(target)
        require(
            bool(self.targets), "Parameter `target` should name at least one column. Found none."
        )
        taken = {task, *self.targets}
        self.features = (
            tuple(name for name in map(str, frame.columns) if name not in taken)
            if features is None
            else tuple(features)
        )
        check_columns(frame, [task, *self.targets, *self.features])
        both = taken.intersection(self.features)
        require(
            not both,
            "Parameter `features` should leave out the task and the targets. Found "
            f"{sorted(both)}.",
        )
        empty = int(frame[task].isna().sum())
        require(
            not empty,
            f"Column {task!r} should say the task of every row. Found {empty} empty cells.",
        )
        known = frame[list(self.targets)].notna()
        labelled = known.any(axis=1) if isinstance(kind, Mapping) else known.all(axis=1)
        frame = frame[labelled]
        require(
            len(frame) > 0,
            f"The table should have a row with a target. Found none in {', '.join(self.targets)}.",
        )
        self.num_unlabelled = int((~labelled).sum())
        for name in self.features:
            if is_numeric(frame[name]):
                numbers(frame[name])  # refuses infinity
        values, names = _tasks(frame[task])
        require(
            len(names) >= 2,
            f"Column {task!r} should hold at least 2 tasks. Found {len(names)}: nothing to "
            "share with.",
        )
        order = np.argsort(values, kind="stable")
        self.frame, self.names, self._values = frame.iloc[order], names, values[order]
        self.target, self.labels, self._y = _targets(self.frame, self.targets, kind)
        require(
            not own_classes or self.target.way is not None,
            "Parameter `own_classes` goes with kind='classification' only.",
        )
        if own_classes:
            self._y = np.concatenate(
                [np.unique(self._y[rows], return_inverse=True)[1] for rows in self._rows()]
            )
            self.target = Classes(int(self._y.max()) + 1)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes where one column of them is predicted."""
        return self.labels[self.targets[0]] if self.target.way is not None else ()

    def __repr__(self) -> str:
        return (
            f"Table({len(self.frame)} rows, {len(self.names)} tasks by {self.task!r}, "
            f"{type(self.target).__name__.lower()} in {', '.join(self.targets)})"
        )

    @recorded
    def split_rows(self, fraction: float = 0.75, seed: int = 0) -> tuple[TableTasks, TableTasks]:
        """Seen tasks, new rows: a random ``fraction`` of every task's rows to learn from, at least
        one, and the others.

        A task of one row has none in the second part.
        """
        require(
            0 < fraction < 1,
            f"Parameter `fraction` should be between 0 and 1. Found fraction={fraction}.",
        )
        draw = np.random.default_rng([seed, 0])
        chosen = np.zeros(len(self.frame), dtype=bool)
        for rows in self._rows():
            chosen[draw.permutation(rows)[: max(1, round(fraction * len(rows)))]] = True
        encoder = Encoder.fit(self.frame[chosen], self.features)
        return self._tasks_of(chosen, encoder, "seen tasks"), self._tasks_of(
            ~chosen, encoder, "seen tasks, new rows"
        )

    @recorded
    def split_tasks(self, new: float | int = 0.25, seed: int = 0) -> tuple[TableTasks, TableTasks]:
        """Unseen tasks: those to learn from, and a random ``new`` (a part, or how many) of which nothing is seen."""
        count = new if isinstance(new, int) else max(1, round(new * len(self.names)))
        require(
            0 < count < len(self.names),
            f"Parameter `new` should leave tasks on both sides. Found new={new} of "
            f"{len(self.names)} tasks.",
        )
        unseen = np.random.default_rng([seed, 1]).permutation(len(self.names))[:count]
        held = np.isin(self._values, unseen)
        encoder = Encoder.fit(self.frame[~held], self.features)
        return self._tasks_of(~held, encoder, "training tasks"), self._tasks_of(
            held, encoder, "unseen tasks"
        )

    def divided(self, parts: Mapping[str, Tensor]) -> dict[str, TableTasks]:
        """Divide the tasks into ``parts``, places of tasks by name, scaled as the first part is."""
        rows = {name: np.isin(self._values, part.numpy()) for name, part in parts.items()}
        encoder = Encoder.fit(self.frame[next(iter(rows.values()))], self.features)
        return {name: self._tasks_of(own, encoder, name) for name, own in rows.items()}

    def whole(self) -> TableTasks:
        """All tasks and rows, scaled by themselves: what a model for use is learned from."""
        return self._tasks_of(
            np.ones(len(self.frame), dtype=bool),
            Encoder.fit(self.frame, self.features),
            "all tasks",
        )

    def _rows(self) -> list[np.ndarray]:
        return np.split(np.arange(len(self.frame)), np.cumsum(np.bincount(self._values))[:-1])

    def _tasks_of(self, rows: np.ndarray, encoder: Encoder, label: str) -> TableTasks:
        dtype = torch.get_default_dtype()
        kept, task = np.unique(self._values[rows], return_inverse=True)
        y = torch.from_numpy(self._y[rows])
        return TableTasks(
            torch.from_numpy(encoder(self.frame[rows])).to(dtype),
            y if self.target.way is not None else y.to(dtype),
            torch.from_numpy(task),
            tuple(self.names[index] for index in kept),
            torch.from_numpy(kept),
            self.target,
            encoder,
            f"table/{label}",
        )


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a ``.csv`` or ``.parquet`` file.

    Raises:
        UserError: If it is missing, of another kind, or cannot be read.
    """
    require(
        path.is_file(),
        f"{path} should be a CSV or Parquet file. Found "
        f"{'no file' if path.exists() else 'nothing there'}.",
    )
    suffix = path.suffix.lower()
    require(
        suffix in (".csv", ".parquet"),
        f"{path} should end in .csv or .parquet. Found {suffix or 'no ending'!r}.",
    )
    try:
        frame = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    except (ValueError, OSError, ImportError) as error:  # pandas' own errors are ValueErrors
        raise UserError(
            f"{path} should be a {suffix[1:]} file. It cannot be read: {error}"
        ) from error
    require(len(frame) > 0, f"{path} should have rows. Found none.")
    return frame.rename(columns=str)


def _tasks(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of every row's task, and the tasks' names in their own order."""
    values, names = pd.factorize(column, sort=True)
    return values.astype(np.int64), tuple(map(str, names))


def _targets(
    frame: pd.DataFrame, targets: tuple[str, ...], kind: KindName | Mapping[str, KindName]
) -> tuple[Target, dict[str, tuple[str, ...]], np.ndarray]:
    """The kind of the tasks, the names of the classes by target, and the targets of every row."""
    if isinstance(kind, Mapping):
        require(
            set(kind) == set(targets),
            f"Parameter `kind` should say the kind of every target. Found {sorted(kind)} for "
            f"{sorted(targets)}.",
        )
        columns = [
            _labels(frame[name])
            if kind[name] == "classification"
            else (_quantities(frame[name]), ())
            for name in targets
        ]
        several = Several(tuple(len(classes) for _, classes in columns))
        return (
            several,
            {name: found[1] for name, found in zip(targets, columns, strict=True)},
            np.stack([values for values, _ in columns], 1),
        )
    if kind == "classification":
        require(
            len(targets) == 1,
            f"Classification predicts one column. Found {len(targets)}: {', '.join(targets)}.",
        )
        codes, classes = _labels(frame[targets[0]])
        return Classes(len(classes)), {targets[0]: classes}, codes.astype(np.int64)
    return (
        Numbers((len(targets),)),
        dict.fromkeys(targets, ()),
        np.stack([_quantities(frame[name]) for name in targets], 1),
    )


def _labels(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class indices of a column as floating-point numbers, NaN for an empty cell, and the names of the classes."""
    codes, classes = pd.factorize(column, sort=True)
    require(
        len(classes) >= 2,
        f"Column {column.name!r} should hold at least 2 classes. Found {len(classes)}.",
    )
    return np.where(codes < 0, np.nan, codes), tuple(map(class_name, classes))


def _quantities(column: pd.Series) -> np.ndarray:
    """The numbers of a column, NaN for an empty cell."""
    require(
        is_numeric(column),
        f"Column {column.name!r} should hold numbers to be predicted. Found text: "
        "kind='classification' predicts its values as classes.",
    )
    return numbers(column)


def class_name(value: object) -> str:
    """How a class is called: as its cell is written, a whole number without decimals (a column with empty cells has only such)."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


__all__ = ["Table", "class_name", "read_table"]
