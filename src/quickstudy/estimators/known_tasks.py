"""Tasks that were learned, and questions about rows of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from quickstudy.errors import require
from quickstudy.estimators.approach import Approach, Ask, prediction
from quickstudy.estimators.rows import (
    checked,
    column_of,
    holds,
    places_of,
    refuse_several,
    without_task,
)
from quickstudy.tasks import TableTasks


@dataclass(frozen=True, eq=False)
class KnownTasks:
    """The tasks that a way of sharing was fitted to.

    Attributes:
        approach: The fitted way of sharing.
        rows: The rows of the tasks, scaled: a task adapts to its own when it is predicted.
        names: The tasks, in the order of ``rows``.
        column: The column that said the tasks, if one did.
    """

    approach: Approach
    rows: TableTasks
    names: np.ndarray
    column: str | int | None

    def ask(self, estimator: BaseEstimator, X: Any, task: Any, ask: Ask = prediction) -> np.ndarray:
        """Ask about rows of known tasks, or of tasks of which no row is known.

        Args:
            estimator: Whose columns ``X`` is compared with.
            X: Rows ``[row, feature]``, with or without the task's column.
            task: The task of every row ``[row]``, or the name of a column, or None.
            ask: The question.

        Returns:
            The answers, scaled ``[row, output]``.
        """
        rows, labels = self._divided(X, task)
        frame, _ = checked(estimator, rows)
        place, inputs = self._places(labels, len(frame)), self.approach.inputs(frame)
        return self.approach.of_known(self.rows, inputs, place, ask)

    def without_column(self, X: Any) -> Any:
        """Give the rows of a new task without the task's column, if ``X`` has it.

        Raises:
            UserError: If it holds several tasks.
        """
        return without_column(X, self.column)

    def _divided(self, X: Any, task: Any) -> tuple[Any, np.ndarray | None]:
        """Give the rows without the task's column, and the task of every row, if it is said."""
        if holds(X, self.column):
            X, of_column = without_task(X, self.column)
            task = of_column if task is None or column_of(task) is not None else task
        return without_task(X, task)

    def _places(self, labels: np.ndarray | None, num_rows: int) -> np.ndarray:
        """Give the place of every row's task among those learned ``[row]``; −1 for a new one."""
        if labels is None:
            self._check_one_task()
            return np.zeros(num_rows, dtype=np.int64)
        return places_of(self.names, labels)

    def _check_one_task(self) -> None:
        """Raise if several tasks were learned, so that it is not known which one is meant."""
        known = len(self.names)
        require(
            known == 1,
            f"Parameter `task` should say the task of every row: {known} were learned. Found none.",
        )


def without_column(X: Any, column: str | int | None) -> Any:
    """Give the rows of a new task without the ``column`` of tasks, if ``X`` has it.

    Raises:
        UserError: If it holds several tasks.
    """
    if not holds(X, column):
        return X
    refuse_several(X[column], column)
    return X.drop(columns=column)


__all__ = ["KnownTasks", "without_column"]
