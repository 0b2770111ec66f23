"""Columns of a table as numbers: scaled and encoded as the training rows say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.calendar import PARTS, days_since, part_of_date, varying_parts
from quickstudy.tasks.tables.carriers import as_floats, carrier_of, is_written
from quickstudy.tasks.tables.column_schema import ColumnSchema, Kind
from quickstudy.tasks.tables.decide import MOST_CATEGORIES, Hint, decide
from quickstudy.tasks.tables.schema import Schema
from quickstudy.tasks.tables.spelling import spell

NUMERIC = ("number", "truth")
SMALLEST = 1e-14
"""The least standard deviation, as a part of the mean, that is more than an error of rounding."""


@dataclass(frozen=True)
class Column:
    """How one column becomes features.

    Attributes:
        name: The column.
        mean: Of the training rows; 0 for categories.
        scale: Standard deviation of the training rows, 1 if they are all alike.
        missing: Whether a further feature says that the cell is empty.
        categories: The values of the training rows, each a feature of zeros and ones; empty for
            numbers.
        part: The part of a date that it is, empty if the column holds no dates.
        start: The first date of the training rows, if the part counts days.
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    missing: bool = False
    categories: tuple[str, ...] = ()
    part: str = ""
    start: str = ""

    @property
    def features(self) -> list[str]:
        """The names of its features."""
        name = self._with_part
        if self.categories:
            return [f"{name}={value}" for value in self.categories]
        if self.part in PARTS:
            return [f"{name} {wave}" for wave in ("sine", "cosine")]
        return [name, f"{self.name} is missing"] if self.missing else [name]

    @property
    def _with_part(self) -> str:
        return f"{self.name} {self.part}" if self.part else self.name

    @property
    def kind(self) -> Kind:
        """The kind of column that it was made of, if no schema says it."""
        return "category" if self.categories and not self.part else "number"

    def scaled(self, found: np.ndarray) -> list[np.ndarray]:
        """Give numbers scaled, 0 for NaN, and whether they are missing if that is a feature."""
        missing = np.isnan(found)
        scaled = np.where(missing, 0.0, (found - self.mean) / self.scale)
        return [scaled, missing.astype(np.float64)] if self.missing else [scaled]


@dataclass(frozen=True)
class Encoder:
    """Turns columns into a matrix of features, a row for each row.

    Numbers are scaled to mean 0 and standard deviation 1 of the training rows, an empty cell
    becomes 0 with a further feature that says so, if training rows have empty cells. A category
    is a feature for each value that training rows have; one they do not have, or none, is zeros.
    A date is the days since the first date of training, scaled as numbers are, and the parts of
    the calendar that vary in training: sine and cosine of the time of the year and of the day, and
    a feature for each day of the week.

    Attributes:
        columns: How each column becomes features; a date has one for each of its parts.
        schema: What the columns hold, and how files and frames of them are read.
    """

    columns: tuple[Column, ...]
    schema: Schema = field(default_factory=Schema)

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, features: Sequence[str], schema: Schema | None = None
    ) -> "Encoder":
        """Learn means, scales and categories of ``features`` from the rows of ``frame``.

        Args:
            frame: The training rows.
            features: The columns to predict from.
            schema: What the columns hold; by default it is inferred from ``frame``.

        Raises:
            UserError: If a column holds infinity, free text, or more than 200 categories.
        """
        known = Schema.infer(frame, features) if schema is None else schema
        cells = is_written(frame)
        made: list[Column] = []
        for name in features:
            made += _columns(name, known.column(name, "number").read(frame[name], cells))
        return cls(tuple(made), known)

    @property
    def names(self) -> tuple[str, ...]:
        """A name for every feature: ``age``, ``age is missing``, ``sex=male``."""
        return tuple(name for column in self.columns for name in column.features)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of a table that it reads."""
        return tuple(dict.fromkeys(column.name for column in self.columns))

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """Give the features of the rows of ``frame``, ``[row, feature]``.

        Raises:
            UserError: If a column is missing, or holds text or infinity where the training rows had
                numbers.
        """
        check_columns(frame, list(self.inputs))
        read = {name: self._schema_of[name].read(frame[name]) for name in self.inputs}
        found = np.empty((len(frame), len(self.names)))
        features = (one for column in self.columns for one in _features(column, read[column.name]))
        for place, one in enumerate(features):
            found[:, place] = one
        return found

    def tensor(self, frame: pd.DataFrame) -> Tensor:
        """Give the features of the rows of ``frame`` in the default dtype, ``[row, feature]``."""
        return torch.from_numpy(self(frame)).to(torch.get_default_dtype())

    @cached_property
    def _schema_of(self) -> dict[str, ColumnSchema]:
        """The schema of every column; a run from before there were schemas has none."""
        return {one.name: self.schema.column(one.name, one.kind) for one in self.columns}

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, to be kept with a run."""
        columns = [asdict(column) for column in self.columns]
        return {"columns": columns, "schema": self.schema.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | list[dict[str, Any]]) -> "Encoder":
        """Give the encoder that ``to_dict`` described, also one without a schema."""
        whole: Any = {"columns": values, "schema": {}} if isinstance(values, list) else values
        made = [one | {"categories": tuple(one["categories"])} for one in whole["columns"]]
        return cls(tuple(Column(**one) for one in made), Schema.from_dict(whole["schema"]))


def check_columns(frame: pd.DataFrame, names: list[str]) -> None:
    """Raise if a table lacks one of the columns ``names``.

    Raises:
        UserError: If so, with the columns of the table.
    """
    lacking = [name for name in names if name not in frame.columns]
    require(
        not lacking,
        f"The table should have a column {lacking[:1]}. Found "
        f"{', '.join(map(str, frame.columns))}.",
    )


def numbers(values: "pd.Series[Any]") -> np.ndarray:
    """Give a column as floating point, NaN if a cell is empty.

    Raises:
        UserError: If it holds text or infinity.
    """
    found: np.ndarray = ColumnSchema(str(values.name), "number").read(values).to_numpy()
    return found


def is_numeric(values: "pd.Series[Any]") -> bool:
    """Whether a column holds numbers, also as the text of a file's cells, or true and false."""
    if carrier_of(values) in NUMERIC:
        return True
    try:
        return decide(values, Hint(cells=is_written(values))).kind == "number"
    except UserError:
        return False


def _columns(name: str, values: "pd.Series[Any]") -> list[Column]:
    """Learn how a column that is read becomes features."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return [_categories(name, values)]
    if values.dtype.kind == "M":
        return _of_dates(name, values)
    return [_number(name, as_floats(values))]


def _categories(name: str, values: "pd.Series[Any]") -> Column:
    """Make a feature for every value; of too many, for the most frequent."""
    counts = values.value_counts()
    frequent = counts[counts > 0].sort_index().sort_values(ascending=False, kind="stable")
    kept = sorted(map(str, frequent.index[:MOST_CATEGORIES]))
    return Column(name, categories=tuple(kept) or ("",))


def _number(name: str, found: np.ndarray, part: str = "", start: str = "") -> Column:
    real = found[~np.isnan(found)]
    mean, scale = _mean_and_scale(real)
    return Column(name, mean, scale, len(real) < len(found), part=part, start=start)


def _mean_and_scale(real: np.ndarray) -> tuple[float, float]:
    """Give mean and standard deviation; this is 1 if all are alike."""
    if not len(real):
        return 0.0, 1.0
    mean, scale = float(real.mean()), float(real.std())
    return mean, scale if scale > SMALLEST * abs(mean) else 1.0


def _of_dates(name: str, values: "pd.Series[Any]") -> list[Column]:
    """Make the days since the first date, and the parts of the calendar that vary."""
    start = values.min()
    first = "1970-01-01" if pd.isna(start) else start.isoformat()
    days = _number(name, days_since(values, first), "days", first)
    parts = varying_parts(values).items()
    return [days, *(Column(name, part=part, categories=found) for part, found in parts)]


def _features(column: Column, values: "pd.Series[Any]") -> list[np.ndarray]:
    if column.part and column.part != "days":
        return part_of_date(values, column.part, column.categories)
    if column.categories:
        return _places(column.categories, values)
    found = days_since(values, column.start) if column.part else as_floats(values)
    return column.scaled(found)


def _places(categories: tuple[str, ...], values: "pd.Series[Any]") -> list[np.ndarray]:
    """Give zeros and ones for every category."""
    place = _place_of_each(categories, values)
    return [(place == index).astype(np.float64) for index in range(len(categories))]


def _place_of_each(categories: tuple[str, ...], values: "pd.Series[Any]") -> np.ndarray:
    """Give the place of every cell among ``categories``, −1 if it is none of them."""
    known = {spell(name): index for index, name in enumerate(categories)}
    found = [known.get(name, -1) for name in values.cat.categories]
    return np.array([*found, -1])[values.cat.codes]


__all__ = ["Column", "Encoder", "check_columns", "is_numeric", "numbers"]
