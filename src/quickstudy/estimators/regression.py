"""Regressions that were learned from many tasks: of one grouping of the rows, or of several."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from quickstudy.errors import require
from quickstudy.estimators.adapted import AdaptedRegressor
from quickstudy.estimators.approach import bounds
from quickstudy.estimators.crossed import CrossedRegressor
from quickstudy.estimators.known_tasks import KnownTasks
from quickstudy.estimators.levels import check_frame, columns_of_all
from quickstudy.estimators.rows import checked, labelled
from quickstudy.estimators.units import Interval, Units
from quickstudy.tasks.tables.column_names import check_names


class Regression(ABC):
    """The abstract parent of regressions that answer in the units of the targets."""

    @abstractmethod
    def predict(self, estimator: BaseEstimator, X: Any, task: Any) -> np.ndarray:
        """Predict the targets of rows.

        Args:
            estimator: Whose columns ``X`` is compared with.
            X: Rows ``[row, feature]``.
            task: The task of every row, or the columns that say it, or None.
        """

    @abstractmethod
    def interval(self, estimator: BaseEstimator, X: Any, task: Any, level: float) -> Interval:
        """Give the bounds between which the targets of rows lie with probability ``level``."""

    @abstractmethod
    def adapt(self, X: Any, y: Any) -> AdaptedRegressor | CrossedRegressor:
        """Give a regressor that knows the rows ``X``, ``y`` too."""


@dataclass(frozen=True, eq=False)
class TaskRegression(Regression):
    """A regression on rows of which each is of one task.

    Attributes:
        known: The tasks that were learned.
        units: The units of the targets.
    """

    known: KnownTasks
    units: Units

    def predict(self, estimator: BaseEstimator, X: Any, task: Any) -> np.ndarray:
        """Predict the targets of rows of the tasks ``task``."""
        return self.units(self.known.ask(estimator, X, task))

    def interval(self, estimator: BaseEstimator, X: Any, task: Any, level: float) -> Interval:
        """Give the bounds of the way of sharing, if it has them."""
        return self.units.pair(self.known.ask(estimator, X, task, bounds(level)))

    def adapt(self, X: Any, y: Any) -> AdaptedRegressor:
        """Fit a regressor of a new task to its rows."""
        rows = self.known.without_column(X)
        return AdaptedRegressor(self.known.approach).fit(rows, y)


@dataclass(frozen=True, eq=False)
class GroupRegression(Regression):
    """A regression on rows that belong to a level of each of several groups.

    Attributes:
        groups: The columns of the groups, as the user names them.
        model: Knows the levels and their effects.
    """

    groups: tuple[str, ...]
    model: CrossedRegressor

    @classmethod
    def fit(
        cls, estimator: BaseEstimator, X: pd.DataFrame, y: Any, groups: Sequence[str]
    ) -> "GroupRegression":
        """Learn from the rows that have a label, and set the columns of ``estimator``.

        Raises:
            UserError: As :class:`~quickstudy.CrossedRegressor`.
        """
        _check_columns(X, groups)
        rows, y, _ = labelled(_named(X), y)
        checked(estimator, _features(rows, groups), fitting=True)
        return cls(tuple(groups), CrossedRegressor(list(groups)).fit(rows, y))

    @property
    def levels(self) -> dict[str, np.ndarray]:
        """The levels that are known, by group."""
        return {group: levels.names.to_numpy() for group, levels in self.model.levels_.items()}

    def predict(self, estimator: BaseEstimator, X: Any, task: Any) -> np.ndarray:
        """Predict the targets of rows, whose columns say the levels; these may be new."""
        return self.model.predict(self._rows(estimator, X, task))

    def interval(self, estimator: BaseEstimator, X: Any, task: Any, level: float) -> Interval:
        """Give the bounds of the mixed model."""
        return self.model.predict_interval(self._rows(estimator, X, task), level)

    def adapt(self, X: Any, y: Any) -> CrossedRegressor:
        """Give a regressor that knows the levels of these rows too."""
        rows, y, _ = labelled(_named(X), y)
        return self.model.adapt(rows, y)

    def _rows(self, estimator: BaseEstimator, X: Any, task: Any) -> pd.DataFrame:
        """Check rows and the groups that are asked for."""
        rows = _named(X)
        self._check_groups(rows, task)
        checked(estimator, _features(rows, self.groups))
        return rows

    def _check_groups(self, X: pd.DataFrame, task: Any) -> None:
        """Raise if ``task`` is said, and is not the list of columns that was learned."""
        require(
            task is None or listed_columns(X, task) == self.groups,
            "Parameter `task` should be left out, or be the columns that were learned: "
            f"{list(self.groups)}. Found {task!r}.",
        )


def listed_columns(X: Any, task: Any) -> tuple[str, ...]:
    """Give the columns that ``task`` lists; none if it says the task of every row.

    A list of two texts or more names columns of a DataFrame, unless it is as long as the rows and
    one of them is no column.
    """
    if not (isinstance(X, pd.DataFrame) and _are_names(task)):
        return ()
    return () if len(task) == len(X) and _unknown(X, task) else tuple(task)


def _are_names(task: Any) -> bool:
    """Say whether ``task`` is a list of two texts or more."""
    several = isinstance(task, list | tuple) and len(task) > 1
    return several and all(isinstance(name, str) for name in task)


def _unknown(X: pd.DataFrame, groups: Sequence[str]) -> list[str]:
    """List the columns of the ``groups`` that are missing."""
    return sorted(columns_of_all(X.columns, groups) - set(X.columns))


def _check_columns(X: pd.DataFrame, groups: Sequence[str]) -> None:
    """Raise if a column of the ``groups`` is missing."""
    unknown = _unknown(X, groups)
    require(
        not unknown,
        "Parameter `task` should list columns of X, or say the task of every row. "
        f"Found {unknown[:1]}.",
    )


def _named(X: Any) -> pd.DataFrame:
    """Give a DataFrame whose columns are called by text; anything else is refused."""
    check_frame(X)
    return check_names(X)


def _features(X: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Leave out the columns of the ``groups``."""
    taken = columns_of_all(X.columns, groups)
    return X.drop(columns=list(taken), errors="ignore")


__all__ = ["GroupRegression", "Regression", "TaskRegression", "listed_columns"]
