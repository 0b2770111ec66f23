"""Ridge regression on the features and on the task, one-hot."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.ladder.rungs.linear import Gaussian, linear_prior
from quickstudy.ladder.rungs.rung import PENALTIES, AdaptingRung
from quickstudy.learners.linear_prior import with_one
from quickstudy.random import generator
from quickstudy.tasks import TableTasks

PARTS = 5
"""Parts of the rows, each predicted from the others to choose the penalty."""


@dataclass(frozen=True)
class OneHotRidge:
    """The ridge regression with one penalty for the weights of features and of tasks.

    ``min Σ (y − φ w − δ_task)² + λ ‖w‖² + λ ‖δ‖²``; the intercept, the last of ``w``, is not
    penalised. Given ``w``, a task's ``δ = Σ (y − φ w) / (rows + λ)``, so the tasks' columns are
    eliminated and one system of the features is left.

    Attributes:
        weights: ``w`` ``[feature, target]``.
        own: ``δ`` ``[task, target]``.
        squares: The least value of what is minimised ``[target]``.
    """

    weights: Tensor
    own: Tensor
    squares: Tensor

    @classmethod
    def fit(
        cls, x: Tensor, y: Tensor, task: Tensor, num_tasks: int, penalty: float
    ) -> "OneHotRidge":
        """Solve for the rows ``x`` ``[row, feature]``, a one last, and ``y`` ``[row, target]``."""
        sums = [
            values.new_zeros(num_tasks, values.shape[1]).index_add(0, task, values)
            for values in (x, y)
        ]
        shrink = 1 / (task.bincount(minlength=num_tasks) + penalty).unsqueeze(1)
        held = torch.full((x.shape[1],), penalty, dtype=x.dtype)
        held[-1] = 1e-9
        system = x.T @ x - (sums[0] * shrink).T @ sums[0] + torch.diag(held)
        right = x.T @ y - (sums[0] * shrink).T @ sums[1]
        weights = torch.linalg.solve(system, right)
        own = (sums[1] - sums[0] @ weights) * shrink
        squares = (y * (y - x @ weights - own[task])).sum(0)
        return cls(weights, own, squares)

    def __call__(self, x: Tensor, task: Tensor) -> Tensor:
        """Predict rows of known tasks ``[row, target]``."""
        return x @ self.weights + self.own[task]


class OneHot(AdaptingRung):
    """Ridge regression that sees the task: a column of zeros and ones for each.

    The penalty is chosen by fivefold cross-validation of the rows. A new task has none of the
    columns. Its intercept is estimated from its rows by the same ridge, with the features' weights
    as they are; without rows it is 0.
    """

    name = "ridge, task one-hot"
    family = "plain"
    cost = 0

    def refuses(self, train: TableTasks) -> str:
        """Refuse classes."""
        return "ridge regression is for numbers" if train.target.way else ""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Choose the penalty of every target, and solve."""
        x, y = with_one(train.x.double()), train.y.double()
        errors = self._errors(x, y, train, seed)
        found = [
            _gaussian(x, column.unsqueeze(1), train, float(PENALTIES[best]))
            for column, best in zip(y.unbind(1), errors.argmin(0).tolist(), strict=True)
        ]
        self.learner = linear_prior(found, train)

    def _errors(self, x: Tensor, y: Tensor, train: TableTasks, seed: int) -> Tensor:
        """Sum the squares of rows that were left out ``[penalty, target]``."""
        fold = torch.randperm(len(x), generator=generator(seed, "one-hot")) % PARTS
        errors = x.new_zeros(len(PENALTIES), y.shape[1])
        for part in range(min(PARTS, len(x))):
            seen, held = fold != part, fold == part
            for place, penalty in enumerate(PENALTIES.tolist()):
                task, count = train.task, len(train.names)
                model = OneHotRidge.fit(x[seen], y[seen], task[seen], count, penalty)
                errors[place] += (y[held] - model(x[held], task[held])).square().sum(0)
        return errors


def _gaussian(x: Tensor, y: Tensor, train: TableTasks, penalty: float) -> Gaussian:
    """Give the ridge as a prior: an intercept of variance ``σ² / λ``, slopes without variance."""
    model = OneHotRidge.fit(x, y, train.task, len(train.names), penalty)
    noise = (model.squares[0] / len(x)).clamp(min=1e-12)
    factor = x.new_zeros(x.shape[1], x.shape[1])
    factor[-1, -1] = (noise / penalty).sqrt()
    return Gaussian(model.weights[:, 0], factor, noise)


__all__ = ["OneHot", "OneHotRidge"]
