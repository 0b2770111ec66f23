"""The task of a row as columns that boosting can split on: a category, or its mean target."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
PARTS = 5
"""Parts of the rows, each encoded by the targets of the others."""


@dataclass(frozen=True)
class LearnedRows:
    """The rows of known tasks, with one target.

    Attributes:
        x: Features ``[row, feature]``.
        y: Numbers or class indices ``[row]``.
        task: The task of each ``[row]``.
        way: The number of classes; 0 for numbers.
    """

    x: Rows
    y: Rows
    task: Rows
    way: int

    @property
    def targets(self) -> Rows:
        """The number, or zeros and ones of the classes ``[row, target]``."""
        return self.encoded(self.y)

    def encoded(self, y: Rows) -> Rows:
        """Give targets in this form ``[row, target]``."""
        return np.eye(self.way)[y] if self.way else y[:, None]

    def only(self, rows: Rows) -> "LearnedRows":
        """Give some of the rows."""
        return replace(self, x=self.x[rows], y=self.y[rows], task=self.task[rows])

    def also(self, x: Rows, y: Rows, task: Rows) -> "LearnedRows":
        """Give these rows and others."""
        both = np.concatenate([self.x, x]), np.concatenate([self.y, y])
        return LearnedRows(*both, np.concatenate([self.task, task]), self.way)


@dataclass(frozen=True)
class TaskMeans:
    """Encodes a task by the mean of its targets, shrunk to the mean of all, and its number of rows.

    ``(Σ y + m ȳ) / (rows + m)``, and ``rows``. ``m`` is the variance within tasks divided by the
    variance between tasks, as in a random intercept model. Training rows are encoded by rows in
    other parts, so no row sees its target.

    Attributes:
        mean: The mean target of all rows ``[target]``.
        rows: ``m`` of every target ``[target]``.

    Source: Micci-Barreca 2001, section 3.3, for the mean that is shrunk to the mean of all.
    """

    mean: Rows
    rows: Rows

    @classmethod
    def fit(cls, y: Rows, task: Rows) -> "TaskMeans":
        """Learn from the targets ``y`` ``[row, target]`` of every ``task`` ``[row]``."""
        _, task = np.unique(task, return_inverse=True)
        count = np.bincount(task)[:, None]
        means = sums_of(y, task) / count
        within = _within(y - means[task], len(count))
        apart = means.var(0) - within * (1 / count).mean()
        return cls(y.mean(0), within / np.maximum(apart, 0.01 * within))

    def of(self, y: Rows, task: Rows, new: Rows) -> Rows:
        """Encode rows of the tasks ``new`` by the rows ``y`` ``[row, target]`` of ``task``."""
        count = int(max(task.max(initial=0), new.max(initial=0))) + 1
        sums = sums_of(y, task, count)
        return self._columns(sums[new], np.bincount(task, minlength=count)[new])

    def by(self, rows: LearnedRows, task: Rows) -> Rows:
        """Encode rows of the tasks ``task`` by other rows of the same tasks."""
        return self.of(rows.targets, rows.task, task)

    def crossed(self, rows: LearnedRows, seed: int) -> Rows:
        """Encode every training row by its task's rows in other parts."""
        return self.of_others(rows.targets, rows.task, seed)

    def of_others(self, y: Rows, task: Rows, seed: int) -> Rows:
        """Encode every training row by its task's rows in other parts."""
        part = np.random.default_rng(seed).permutation(len(y)) % PARTS
        together = task * PARTS + part
        sums = sums_of(y, task)[task] - sums_of(y, together)[together]
        count = np.bincount(task)[task] - np.bincount(together)[together]
        return self._columns(sums, count)

    def _columns(self, sums: Rows, count: Rows) -> Rows:
        mean = (sums + self.rows * self.mean) / (count[:, None] + self.rows)
        return np.column_stack([mean, count])


def _within(residual: Rows, tasks: int) -> Rows:
    """Give the variance within tasks, of the residuals from their means ``[target]``."""
    return (residual**2).sum(0) / max(1, len(residual) - tasks) + 1e-12


@dataclass(frozen=True)
class TaskFeatures:
    """Features with columns of the task.

    Attributes:
        rows: The training rows.
        x: Their features, and the features of the task ``[row, feature]``.
        means: The encoding by targets; None if the task is a category.
    """

    rows: LearnedRows
    x: Rows
    means: TaskMeans | None = None

    @classmethod
    def of(cls, rows: LearnedRows, coded: bool, seed: int) -> "TaskFeatures":
        """Encode the task of training rows, as a category or by the mean target."""
        if coded:
            return cls(rows, with_code(rows.x, rows.task))
        means = TaskMeans.fit(rows.targets, rows.task)
        return cls(rows, np.column_stack([rows.x, means.crossed(rows, seed)]), means)

    @property
    def category(self) -> int | None:
        """The place of the column of categories; None without such a column."""
        return self.rows.x.shape[1] if self.means is None else None

    def asked(self, x: Rows, task: Rows) -> Rows:
        """Encode further rows of the same tasks."""
        return with_code(x, task) if self.means is None else self.of_others(self.rows, x, task)

    def of_others(self, support: LearnedRows, x: Rows, task: Rows) -> Rows:
        """Encode rows of other tasks by the mean targets of their support rows."""
        assert self.means is not None
        return np.column_stack([x, self.means.by(support, task)])


def with_code(x: Rows, code: Rows) -> Rows:
    """Put the code of the task behind the features; −1 is missing."""
    return np.column_stack([x, np.where(code < 0, np.nan, code)])


def sums_of(y: Rows, task: Rows, count: int = 0) -> Rows:
    """Sum ``y`` ``[row, target]`` by task ``[task, target]``."""
    return np.column_stack([np.bincount(task, column, count) for column in y.T])


__all__ = ["LearnedRows", "TaskFeatures", "TaskMeans", "sums_of", "with_code"]
