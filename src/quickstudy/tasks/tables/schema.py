"""How the columns of a table are read: decided by training, applied to every later file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from quickstudy.errors import require
from quickstudy.tasks.tables.asked import NOTHING_ASKED, Reading
from quickstudy.tasks.tables.carriers import FOUND, carrier_of, is_written
from quickstudy.tasks.tables.column_schema import ColumnSchema, Kind
from quickstudy.tasks.tables.decide import (
    Hint,
    decide,
    decide_as,
    refuse_many,
    with_empty,
    writes_commas,
)

Answer = Any
"""The kind of a target: ``"regression"`` or ``"classification"``."""


@dataclass(frozen=True)
class Schema:
    """The kinds of columns, and how their cells are read.

    Attributes:
        columns: What was decided of every column.
        task: The column of the tasks, if there is one.
        asked: What a user said.
        found: What was found out about the file, in words.
    """

    columns: tuple[ColumnSchema, ...] = ()
    task: str | None = None
    asked: Reading = NOTHING_ASKED
    found: tuple[str, ...] = ()

    @classmethod
    def infer(
        cls,
        frame: pd.DataFrame,
        features: Sequence[str],
        targets: Mapping[str, Answer] | None = None,
        task: str | None = None,
        asked: Reading = NOTHING_ASKED,
    ) -> "Schema":
        """Decide what the columns of the training rows ``frame`` hold.

        Args:
            frame: The rows that decide.
            features: The columns to predict from.
            targets: The columns that are predicted, and ``"regression"`` or ``"classification"``.
            task: The column of the tasks.
            asked: What is said of the columns.

        Raises:
            UserError: If a column holds something else than is asked for, free text, or more
                categories than there may be features.
        """
        return _Deciding(frame, asked).all(features, targets or {}, task)

    @cached_property
    def by_name(self) -> dict[str, ColumnSchema]:
        """Each column by its name."""
        return {column.name: column for column in self.columns}

    @property
    def ignored(self) -> set[str]:
        """The columns that are left out."""
        return {column.name for column in self.columns if column.kind == "ignore"}

    def column(self, name: str, kind: Kind) -> ColumnSchema:
        """Give the schema of a column; one that is not known is of the ``kind`` given."""
        return self.by_name.get(name) or ColumnSchema(name, kind, missing=self.asked.missing)

    def apply(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Read the columns of ``frame`` that are known; the others are left out.

        Columns that the frame lacks are passed over.

        Raises:
            UserError: If one holds something else than in training.
        """
        cells = is_written(frame)
        known = (one for one in self._readable if one.name in frame)
        read = {one.name: one.read(frame[one.name], cells) for one in known}
        return pd.DataFrame(read, index=frame.index, copy=False)

    @property
    def _readable(self) -> list[ColumnSchema]:
        return [one for one in self.columns if one.kind not in ("ignore", "text")]

    def lines(self) -> list[str]:
        """Give a table in words (column, read as, why, missing), and what was found out."""
        rows = [(one.name, one.kind, one.why, str(one.empty or "")) for one in self.columns]
        table = _aligned([("column", "read as", "why", "missing"), *rows])
        return [*table, *(f"Found out: {told}." for told in self.found)]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, to be kept with a run."""
        columns = [column.to_dict() for column in self.columns]
        asked, found = self.asked.to_dict(), list(self.found)
        return {"columns": columns, "task": self.task, "asked": asked, "found": found}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Schema":
        """Give the schema that ``to_dict`` described; one of nothing is empty."""
        if not values:
            return cls()
        columns = tuple(map(ColumnSchema.from_dict, values["columns"]))
        asked, found = Reading.from_dict(values["asked"]), tuple(values["found"])
        return cls(columns, values["task"], asked, found)


def _aligned(rows: list[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


@dataclass(frozen=True)
class _Deciding:
    """Decides the columns of a frame one by one."""

    frame: pd.DataFrame
    asked: Reading

    def all(
        self, features: Sequence[str], targets: Mapping[str, Answer], task: str | None
    ) -> Schema:
        columns = [] if task is None else [self._label(task, "the task")]
        columns += [self._target(name, kind) for name, kind in targets.items()]
        columns += [self._feature(name) for name in features]
        columns += self._ignored({column.name for column in columns})
        return Schema(tuple(columns), task, self.asked, tuple(self.frame.attrs.get(FOUND, ())))

    def _ignored(self, known: set[str]) -> list[ColumnSchema]:
        left_out = self.asked.ignored - known
        return [self._feature(str(name)) for name in self.frame.columns if name in left_out]

    @cached_property
    def _hint(self) -> Hint:
        return Hint(self.asked.missing, self._writes_commas, is_written(self.frame))

    @property
    def _writes_commas(self) -> bool:
        """Whether numbers have decimal commas, as asked for or else as the cells of a file say."""
        asked = self.asked.decimal
        return self._shows_commas() if asked is None else asked == ","

    def _shows_commas(self) -> bool:
        """Whether a column of a file holds decimal commas without doubt."""
        missing = self.asked.missing
        columns = self._texts() if is_written(self.frame) else ()
        return any(writes_commas(values, missing) for values in columns)

    def _texts(self) -> "Iterator[pd.Series[Any]]":
        return (values for _, values in self.frame.items() if carrier_of(values) == "text")

    def _feature(self, name: str) -> ColumnSchema:
        found = self._decided(name)
        if name not in self.asked.kinds:
            refuse_many(found, self.frame[name])
        return found

    def _decided(self, name: str) -> ColumnSchema:
        """Give a column of the kind that is asked for, or else decided by its cells."""
        kind = self.asked.kinds.get(name)
        if kind is None:
            return decide(self.frame[name], self._hint)
        return decide_as(kind, self.frame[name], self._hint)

    def _target(self, name: str, kind: Answer) -> ColumnSchema:
        if kind == "classification":
            return self._label(name, "classes")
        found = self._decided(name)
        return found if name in self.asked.kinds else _predicted(found)

    def _label(self, name: str, why: str) -> ColumnSchema:
        found = ColumnSchema(name, "category", why, self.asked.missing)
        return with_empty(found, self.frame[name])


def _predicted(column: ColumnSchema) -> ColumnSchema:
    """Give a column of numbers or truth values as numbers to be predicted."""
    told = "dates" if column.kind == "date" else "text"
    require(
        column.kind in ("number", "truth value"),
        f"Column {column.name!r} should hold numbers to be predicted. Found {told}: "
        "kind='classification' predicts its values as classes.",
    )
    return replace(column, kind="number", why=f"{column.why}, predicted")


__all__ = ["Schema"]
