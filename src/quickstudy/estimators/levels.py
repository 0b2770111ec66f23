"""The levels of a grouping, which columns of a table say."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from quickstudy.errors import require
from quickstudy.tasks.encoder import check_columns
from quickstudy.tasks.table import class_name

WITHIN = "/"
"""Joins the columns of a nested group: ``"school/class"`` is the class within the school."""


@dataclass(frozen=True)
class Levels:
    """Name the levels of a grouping, and find those of rows.

    Attributes:
        group: A column, or several joined by a slash: the last within the first.
        names: The levels that are known, in order.
    """

    group: str
    names: pd.Index

    @classmethod
    def of(cls, frame: pd.DataFrame, group: str) -> "Levels":
        """Collect the levels of ``group`` in the rows of ``frame``.

        Raises:
            UserError: If a column is missing or a cell of it is empty.
        """
        keys = _keys(frame, group)
        _check_filled(keys, group)
        return cls(group, pd.Index(sorted(keys.unique())))

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """Give the level of every row ``[row]``, −1 for one that is not known."""
        return self.names.get_indexer(_keys(frame, self.group))

    def extended(self, frame: pd.DataFrame) -> "Levels":
        """Add the new levels in the rows of ``frame`` behind the known ones."""
        further = Levels.of(frame, self.group).names.difference(self.names)
        return replace(self, names=self.names.append(further))


def _check_filled(keys: pd.Series, group: str) -> None:
    """Raise if a row has no level of ``group``."""
    empty = int(keys.isna().sum())
    require(not empty, f"Group {group!r} should be known of every row. Found {empty} empty cells.")


def _keys(frame: pd.DataFrame, group: str) -> pd.Series:
    """Give the level of every row as text, NaN if a cell is empty."""
    parts = columns_of(frame.columns, group)
    check_columns(frame, parts)
    keys = frame[parts[0]].map(class_name, na_action="ignore")
    for part in parts[1:]:
        keys = keys + WITHIN + frame[part].map(class_name, na_action="ignore")
    return keys


def columns_of(columns: Any, group: str) -> list[str]:
    """Give the columns that ``group`` is made of: itself, if there is such a column."""
    return [group] if group in columns else group.split(WITHIN)


def columns_of_all(columns: Any, groups: Iterable[str]) -> set[str]:
    """Give the columns that the ``groups`` are made of."""
    return {part for group in groups for part in columns_of(columns, group)}


def check_frame(X: Any) -> None:
    """Raise if ``X`` is no DataFrame, and so has no columns of groups.

    Raises:
        UserError: If so.
    """
    require(
        isinstance(X, pd.DataFrame),
        f"`X` should be a DataFrame with the columns of the groups. Found {type(X).__name__}.",
    )


__all__ = ["WITHIN", "Levels", "check_frame", "columns_of", "columns_of_all"]
