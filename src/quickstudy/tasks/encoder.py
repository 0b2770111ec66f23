"""Columns of a table as numbers: scaled and encoded as the training rows say."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from quickstudy.errors import require

MOST_CATEGORIES = 200


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
    """

    name: str
    mean: float = 0.0
    scale: float = 1.0
    missing: bool = False
    categories: tuple[str, ...] = ()

    @property
    def features(self) -> list[str]:
        """The names of its features."""
        if self.categories:
            return [f"{self.name}={value}" for value in self.categories]
        return [self.name, f"{self.name} is missing"] if self.missing else [self.name]


@dataclass(frozen=True)
class Encoder:
    """Turns columns into features ``[row, feature]``.

    Numbers are scaled to mean 0 and standard deviation 1 of the training rows, an empty cell
    becomes 0 with a further feature that says so, if training rows have empty cells. A category
    is a feature for each value that training rows have; one they do not have, or none, is zeros.
    """

    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, frame: pd.DataFrame, features: tuple[str, ...]) -> "Encoder":
        """Learn means, scales and categories of ``features`` from the rows of ``frame``.

        Raises:
            UserError: If a column holds infinity, or more than 200 categories.
        """
        return cls(tuple(_column(name, frame[name]) for name in features))

    @property
    def names(self) -> tuple[str, ...]:
        """A name for every feature: ``age``, ``age is missing``, ``sex=male``."""
        return tuple(name for column in self.columns for name in column.features)

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """The features ``[row, feature]`` of the rows of ``frame``.

        Raises:
            UserError: If a column is missing, or holds text or infinity where the training rows had
                numbers.
        """
        check_columns(frame, [column.name for column in self.columns])
        parts = [part for column in self.columns for part in _features(column, frame[column.name])]
        return np.stack(parts, 1) if parts else np.empty((len(frame), 0))

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain values, to be kept with a run."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_dict(cls, columns: list[dict[str, Any]]) -> "Encoder":
        """What :meth:`to_dict` gave."""
        made = [column | {"categories": tuple(column["categories"])} for column in columns]
        return cls(tuple(Column(**column) for column in made))


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


def numbers(values: pd.Series) -> np.ndarray:
    """A column as floating point, NaN where a cell is empty.

    Raises:
        UserError: If it holds text or infinity.
    """
    require(
        is_numeric(values),
        f"Column {values.name!r} should hold numbers. Found "
        f"{next((v for v in values if isinstance(v, str)), values.dtype)!r}.",
    )
    found = values.to_numpy(dtype=np.float64, na_value=np.nan)
    require(
        not np.isinf(found).any(),
        f"Column {values.name!r} should hold finite numbers. Found infinity.",
    )
    return found


def is_numeric(values: pd.Series) -> bool:
    """Whether a column holds numbers, or true and false."""
    return pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values)


def _column(name: str, values: pd.Series) -> Column:
    if not is_numeric(values):
        categories = tuple(sorted(map(str, values.dropna().unique())))
        require(
            len(categories) <= MOST_CATEGORIES,
            f"Column {name!r} should hold at most {MOST_CATEGORIES} categories, a feature "
            f"each. Found {len(categories)}: leave it out of "
            "the features, or give numbers (of a date its days since a start, say).",
        )
        return Column(name, categories=categories or ("",))
    found = numbers(values)
    real = found[~np.isnan(found)]
    mean, scale = (float(real.mean()), float(real.std())) if len(real) else (0.0, 1.0)
    varies = scale > 1e-12 * max(1.0, abs(mean))
    return Column(name, mean, scale if varies else 1.0, len(real) < len(found))


def _features(column: Column, values: pd.Series) -> list[np.ndarray]:
    if column.categories:
        text = values.astype("string")
        same = [(text == category).fillna(False) for category in column.categories]
        return [one.to_numpy(dtype=np.float64) for one in same]
    found = numbers(values)
    missing = np.isnan(found)
    scaled = np.where(missing, 0.0, (found - column.mean) / column.scale)
    return [scaled, missing.astype(np.float64)] if column.missing else [scaled]
