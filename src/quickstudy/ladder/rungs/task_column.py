"""The task of a row as columns that boosting can split on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]
PARTS = 5
"""Parts of the rows, each encoded by the targets of the others."""


@dataclass(frozen=True)
class TaskMeans:
    """Target encoding: a task by the mean of its targets, drawn to the mean of all, and its rows.

    ``(Σ y + m ȳ) / (rows + m)``, and ``rows``. ``m`` is the variance within tasks divided by that
    between tasks, as in a random intercept model. Training rows are encoded by rows in other parts,
    so none sees its target.

    Attributes:
        mean: The mean target of all rows ``[target]``.
        rows: ``m`` of every target ``[target]``.

    Source: Micci-Barreca 2001, section 3.3, for the mean that is drawn to the others'.
    """

    mean: Rows
    rows: Rows

    @classmethod
    def fit(cls, y: Rows, task: Rows) -> "TaskMeans":
        """Learn from the targets ``y`` ``[row, target]`` of every ``task`` ``[row]``."""
        count = np.maximum(np.bincount(task), 1)[:, None]
        means = _sums(y, task) / count
        within = ((y - means[task]) ** 2).sum(0) / max(1, len(y) - len(count))
        apart = ((means - y.mean(0)) ** 2).mean(0)
        between = np.maximum(apart - within * (1 / count).mean(), 0.01 * within + 1e-12)
        return cls(y.mean(0), np.maximum(within, 1e-12) / between)

    def of(self, y: Rows, task: Rows, new: Rows) -> Rows:
        """Encode rows of the tasks ``new`` by the rows ``y`` ``[row, target]`` of ``task``."""
        count = int(max(task.max(initial=0), new.max(initial=0))) + 1
        sums = _sums(y, task, count)
        return self._columns(sums[new], np.bincount(task, minlength=count)[new])

    def of_others(self, y: Rows, task: Rows, seed: int) -> Rows:
        """Encode every training row by its task's rows in other parts."""
        part = np.random.default_rng(seed).permutation(len(y)) % PARTS
        together = task * PARTS + part
        size = (int(task.max(initial=0)) + 1) * PARTS
        own = _sums(y, together, size)[together]
        mine = np.bincount(together, minlength=size)[together]
        return self._columns(_sums(y, task)[task] - own, np.bincount(task)[task] - mine)

    def _columns(self, sums: Rows, count: Rows) -> Rows:
        mean = (sums + self.rows * self.mean) / (count[:, None] + self.rows)
        return np.column_stack([mean, count])


def _sums(y: Rows, task: Rows, count: int = 0) -> Rows:
    """Sum ``y`` ``[row, target]`` by task ``[task, target]``."""
    return np.stack([np.bincount(task, column, count) for column in y.T], 1)


__all__ = ["TaskMeans"]
