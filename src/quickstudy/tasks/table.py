"""A table with a task column: every value of that column is a task, every row one of its examples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode, Kind
from quickstudy.errors import UserError, require
from quickstudy.random import generator
from quickstudy.tasks.encoder import Encoder, check_columns, is_numeric, numbers
from quickstudy.tasks.source import FixedTasks

KindName = Literal["regression", "classification"]


class Table:
    """Tasks from a CSV file, a Parquet file or a DataFrame: ``qs.tasks.Table("school.csv", task="school", target="score")``.

    Two protocols, each split by a seed: :meth:`split_rows`, new rows of tasks that were seen, and :meth:`split_tasks`, tasks that were not.
    Features are scaled and encoded as the training rows say, see :class:`~quickstudy.tasks.encoder.Encoder`. A row without a target
    is left out.

    Args:
        data: The path of a ``.csv`` or ``.parquet`` file, or a DataFrame.
        task: The column that says which task a row belongs to.
        target: The column to predict, or several: regression with several targets uses the rows that have them all.
        kind: ``"regression"``, or ``"classification"`` of the values of one column. Targets of several kinds are said one by one,
            ``{"score": "regression", "passed": "classification"}``: rows may then lack some of the labels, and
            :class:`~quickstudy.models.MultiTarget` predicts them.
        features: The columns to predict from; by default all others.
        own_classes: Number the classes within every task, in their order: those of one task have nothing to do with another's,
            and tasks may have different numbers of them. Learners whose head serves any way learn from such tasks.

    Attributes:
        labels: The names of the classes by target, none for a number.

    Raises:
        UserError: If the file cannot be read, a column is missing, a cell of the task column is empty, there is one task alone,
            a target of regression is text, a number is infinite, or no row is left.

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
        require(kinds <= {"regression", "classification"}, f"Parameter `kind` should be 'regression' or 'classification'. Found {kind!r}.")
        frame = data if isinstance(data, pd.DataFrame) else read_table(Path(data))
        self.task, self.targets = task, (target,) if isinstance(target, str) else tuple(target)
        require(bool(self.targets), "Parameter `target` should name at least one column. Found none.")
        taken = {task, *self.targets}
        self.features = tuple(name for name in map(str, frame.columns) if name not in taken) if features is None else tuple(features)
        check_columns(frame, [task, *self.targets, *self.features])
        both = taken.intersection(self.features)
        require(not both, f"Parameter `features` should leave out the task and the targets. Found {sorted(both)}.")
        empty = int(frame[task].isna().sum())
        require(not empty, f"Column {task!r} should say the task of every row. Found {empty} empty cells.")
        known = frame[list(self.targets)].notna()
        labelled = known.any(axis=1) if isinstance(kind, Mapping) else known.all(axis=1)
        frame = frame[labelled]
        require(len(frame) > 0, f"The table should have a row with a target. Found none in {', '.join(self.targets)}.")
        self.num_unlabelled = int((~labelled).sum())
        for name in self.features:
            if is_numeric(frame[name]):
                numbers(frame[name])  # refuses infinity
        values, names = _tasks(frame[task])
        require(len(names) >= 2, f"Column {task!r} should hold at least 2 tasks. Found {len(names)}: nothing to share with.")
        order = np.argsort(values, kind="stable")
        self.frame, self.names, self._values = frame.iloc[order], names, values[order]
        self.kind, self.labels, self._y = _targets(self.frame, self.targets, kind)
        require(not own_classes or self.kind.name == "classification", "Parameter `own_classes` goes with kind='classification' only.")
        if own_classes:
            self._y = np.concatenate([np.unique(self._y[rows], return_inverse=True)[1] for rows in self._rows()])
            self.kind = Kind("classification", int(self._y.max()) + 1)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes where one column of them is predicted."""
        return self.labels[self.targets[0]] if self.kind.name == "classification" else ()

    def __repr__(self) -> str:
        return f"Table({len(self.frame)} rows, {len(self.names)} tasks by {self.task!r}, {self.kind.name} of {', '.join(self.targets)})"

    def split_rows(self, fraction: float = 0.75, seed: int = 0) -> tuple["TableTasks", "TableTasks"]:
        """Seen tasks, new rows: a random ``fraction`` of every task's rows to learn from, at least one, and the others.

        A task of one row has none in the second part.
        """
        require(0 < fraction < 1, f"Parameter `fraction` should be between 0 and 1. Found fraction={fraction}.")
        draw = np.random.default_rng([seed, 0])
        chosen = np.zeros(len(self.frame), dtype=bool)
        for rows in self._rows():
            chosen[draw.permutation(rows)[: max(1, round(fraction * len(rows)))]] = True
        encoder = Encoder.fit(self.frame[chosen], self.features)
        return self._tasks_of(chosen, encoder, "seen tasks"), self._tasks_of(~chosen, encoder, "seen tasks, new rows")

    def split_tasks(self, new: float | int = 0.25, seed: int = 0) -> tuple["TableTasks", "TableTasks"]:
        """Unseen tasks: those to learn from, and a random ``new`` (a part, or how many) of which nothing is seen."""
        count = new if isinstance(new, int) else max(1, round(new * len(self.names)))
        require(
            0 < count < len(self.names), f"Parameter `new` should leave tasks on both sides. Found new={new} of {len(self.names)} tasks."
        )
        unseen = np.random.default_rng([seed, 1]).permutation(len(self.names))[:count]
        held = np.isin(self._values, unseen)
        encoder = Encoder.fit(self.frame[~held], self.features)
        return self._tasks_of(~held, encoder, "training tasks"), self._tasks_of(held, encoder, "unseen tasks")

    def whole(self) -> "TableTasks":
        """All tasks and rows, scaled by themselves: what a model for use is learned from."""
        return self._tasks_of(np.ones(len(self.frame), dtype=bool), Encoder.fit(self.frame, self.features), "all tasks")

    def _rows(self) -> list[np.ndarray]:
        return np.split(np.arange(len(self.frame)), np.cumsum(np.bincount(self._values))[:-1])

    def _tasks_of(self, rows: np.ndarray, encoder: Encoder, label: str) -> "TableTasks":
        dtype = torch.get_default_dtype()
        kept, task = np.unique(self._values[rows], return_inverse=True)
        y = torch.from_numpy(self._y[rows])
        return TableTasks(
            torch.from_numpy(encoder(self.frame[rows])).to(dtype),
            y if self.kind.name == "classification" else y.to(dtype),
            torch.from_numpy(task),
            tuple(self.names[index] for index in kept),
            torch.from_numpy(kept),
            self.kind,
            encoder,
            f"table/{label}",
        )


@dataclass(frozen=True, eq=False)
class TableTasks:
    """Encoded rows of several tasks, ordered by task.

    Attributes:
        x: Features ``[row, feature]``.
        y: Targets ``[row, target]`` (NaN for a missing label of several kinds), or class indices ``[row]``.
        task: Which of ``names`` a row belongs to ``[row]``, ascending.
        names: The tasks, as the table calls them.
        identity: The place of every task among all of the table ``[task]``.
        kind: Regression, classification, or both.
        encoder: What made the features.
        label: What these are, for reports.
    """

    x: Tensor
    y: Tensor
    task: Tensor
    names: tuple[str, ...]
    identity: Tensor
    kind: Kind
    encoder: Encoder
    label: str

    @property
    def sizes(self) -> list[int]:
        """The rows of every task."""
        return self.task.bincount(minlength=len(self.names)).tolist()

    def episodes(self, shot: int, query: int = 15) -> "TableEpisodes":
        """Tasks drawn at random, each with ``shot`` random rows to learn from and at most ``query`` others."""
        return TableEpisodes(self, shot, query)

    def batch(self, tasks: Sequence[int] | None = None) -> Batch:
        """All rows of some tasks (by default of all), padded."""
        first = torch.tensor([0, *self.sizes]).cumsum(0)
        chosen = range(len(self.names)) if tasks is None else tasks
        return self._padded([torch.arange(int(first[index]), int(first[index + 1])) for index in chosen])

    def draw(self, shot: int, query: int | None, draw: torch.Generator, tasks: Sequence[int] | None = None) -> Episode:
        """Some tasks (by default all), each with ``shot`` rows drawn at random as support and ``query`` others, or all others, as query.

        A task of fewer rows keeps one of them as query and has the others as support.
        """
        first = torch.tensor([0, *self.sizes]).cumsum(0)
        chosen = list(range(len(self.names)) if tasks is None else tasks)
        support, others = [], []
        for index in chosen:
            rows = int(first[index]) + torch.randperm(int(first[index + 1] - first[index]), generator=draw)
            taken = min(shot, len(rows) - 1)
            support.append(rows[:taken])
            others.append(rows[taken:] if query is None else rows[taken : taken + query])
        return Episode(self._padded(support), self._padded(others), self.identity[chosen])

    def places(self, identity: Tensor) -> list[int]:
        """Where among these the tasks with the identities ``identity`` ``[task]`` stand."""
        place = {own: index for index, own in enumerate(self.identity.tolist())}
        return [place[own] for own in identity.tolist()]

    def subset(self, tasks: Sequence[int]) -> "TableTasks":
        """The tasks at the places ``tasks`` (ascending)."""
        place = torch.full((len(self.names),), -1)
        place[list(tasks)] = torch.arange(len(tasks))
        rows = place[self.task] >= 0
        names = tuple(self.names[index] for index in tasks)
        return replace(self, x=self.x[rows], y=self.y[rows], task=place[self.task[rows]], names=names, identity=self.identity[list(tasks)])

    def split_rows(self, fraction: float = 0.75, seed: int = 0) -> tuple["TableTasks", "TableTasks"]:
        """The same tasks with a random ``fraction`` of every task's rows, at least one, and with the others: for validation, say."""
        require(0 < fraction < 1, f"Parameter `fraction` should be between 0 and 1. Found fraction={fraction}.")
        draw, chosen = generator(seed, "split_rows"), torch.zeros(len(self.x), dtype=torch.bool)
        for rows in torch.arange(len(self.x)).split(self.sizes):
            chosen[rows[torch.randperm(len(rows), generator=draw)[: max(1, round(fraction * len(rows)))]]] = True
        return self._of(chosen), self._of(~chosen)

    def _of(self, rows: Tensor) -> "TableTasks":
        return replace(self, x=self.x[rows], y=self.y[rows], task=self.task[rows])

    def _padded(self, rows: list[Tensor]) -> Batch:
        longest = max((len(index) for index in rows), default=0)
        index = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros(len(rows), longest, dtype=self.x.dtype)
        for place, own in enumerate(rows):
            index[place, : len(own)], mask[place, : len(own)] = own, 1
        x, y = self.x[index], self.y[index]
        return Batch(_masked(x, mask), _masked(y, mask), mask)


@dataclass(frozen=True, eq=False)
class TableEpisodes(FixedTasks):
    """Tasks of a table with ``shot`` support rows and at most ``query`` query rows; a task of fewer rows is padded."""

    tasks: TableTasks
    shot: int
    query: int
    kind: Kind = field(init=False)
    num_tasks: int = field(init=False)

    def __post_init__(self) -> None:
        require(self.shot >= 0, f"Parameter `shot` should be at least 0. Found shot={self.shot}.")
        require(self.query >= 1, f"Parameter `query` should be at least 1. Found query={self.query}.")
        object.__setattr__(self, "kind", self.tasks.kind)
        object.__setattr__(self, "num_tasks", len(self.tasks.names))

    def draw(self, places: Sequence[int], generator: torch.Generator) -> Episode:
        """The tasks at ``places`` with rows drawn at random."""
        return _to_size(self.tasks.draw(self.shot, self.query, generator, places), self.shot, self.query)

    def describe(self) -> dict[str, object]:
        """Table, tasks, rows, shot and query."""
        return {
            "source": self.tasks.label,
            "num_tasks": len(self.tasks.names),
            "rows": len(self.tasks.x),
            "shot": self.shot,
            "query": self.query,
        }


def read_table(path: Path) -> pd.DataFrame:
    """The rows of a ``.csv`` or ``.parquet`` file.

    Raises:
        UserError: If it is missing, of another kind, or cannot be read.
    """
    require(path.is_file(), f"{path} should be a CSV or Parquet file. Found {'no file' if path.exists() else 'nothing there'}.")
    suffix = path.suffix.lower()
    require(suffix in (".csv", ".parquet"), f"{path} should end in .csv or .parquet. Found {suffix or 'no ending'!r}.")
    try:
        frame = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    except (ValueError, OSError, ImportError) as error:  # pandas' own errors are ValueErrors
        raise UserError(f"{path} should be a {suffix[1:]} file. It cannot be read: {error}") from error
    require(len(frame) > 0, f"{path} should have rows. Found none.")
    return frame.rename(columns=str)


def _tasks(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of every row's task, and the tasks' names in their own order."""
    values, names = pd.factorize(column, sort=True)
    return values.astype(np.int64), tuple(map(str, names))


def _targets(
    frame: pd.DataFrame, targets: tuple[str, ...], kind: KindName | Mapping[str, KindName]
) -> tuple[Kind, dict[str, tuple[str, ...]], np.ndarray]:
    """The kind of the tasks, the names of the classes by target, and the targets of every row."""
    if isinstance(kind, Mapping):
        require(
            set(kind) == set(targets), f"Parameter `kind` should say the kind of every target. Found {sorted(kind)} for {sorted(targets)}."
        )
        columns = [_labels(frame[name]) if kind[name] == "classification" else (_quantities(frame[name]), ()) for name in targets]
        mixed = Kind.mixed([len(classes) for _, classes in columns])
        return mixed, {name: found[1] for name, found in zip(targets, columns, strict=True)}, np.stack([values for values, _ in columns], 1)
    if kind == "classification":
        require(len(targets) == 1, f"Classification predicts one column. Found {len(targets)}: {', '.join(targets)}.")
        codes, classes = _labels(frame[targets[0]])
        return Kind("classification", len(classes)), {targets[0]: classes}, codes.astype(np.int64)
    return Kind("regression", len(targets)), dict.fromkeys(targets, ()), np.stack([_quantities(frame[name]) for name in targets], 1)


def _labels(column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class indices of a column as floating-point numbers, NaN for an empty cell, and the names of the classes."""
    codes, classes = pd.factorize(column, sort=True)
    require(len(classes) >= 2, f"Column {column.name!r} should hold at least 2 classes. Found {len(classes)}.")
    return np.where(codes < 0, np.nan, codes), tuple(map(class_name, classes))


def _quantities(column: pd.Series) -> np.ndarray:
    """The numbers of a column, NaN for an empty cell."""
    require(
        is_numeric(column),
        f"Column {column.name!r} should hold numbers to be predicted. Found text: kind='classification' predicts its values as classes.",
    )
    return numbers(column)


def class_name(value: object) -> str:
    """How a class is called: as its cell is written, a whole number without decimals (a column with empty cells has only such)."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    """``values`` ``[task, example, ...]`` with zeros in place of padding."""
    return values.masked_fill(mask.reshape(*mask.shape, *[1] * (values.ndim - 2)) == 0, 0)


def _to_size(episode: Episode, shot: int, query: int) -> Episode:
    """Both batches padded to the sizes asked for, so that episodes of different draws can be joined."""
    return Episode(_padded_to(episode.support, shot), _padded_to(episode.query, query), episode.task)


def _padded_to(batch: Batch, size: int) -> Batch:
    lacking = size - batch.x.shape[1]
    if lacking <= 0:
        return batch
    parts: list[Any] = []
    for values in (batch.x, batch.y, batch.mask):
        parts.append(torch.cat([values, values.new_zeros(len(values), lacking, *values.shape[2:])], 1))
    return Batch(*parts)


__all__ = ["Table", "TableEpisodes", "TableTasks", "class_name", "read_table"]
