"""Ridge regression on the features and on the task, one-hot."""

from dataclasses import dataclass, replace

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
class OneHotRows:
    """Rows of known tasks.

    Attributes:
        x: Features, followed by a one ``[row, feature]``.
        y: Targets ``[row, target]``.
        task: The task of each ``[row]``.
        num_tasks: The number of tasks; some may have no row.
    """

    x: Tensor
    y: Tensor
    task: Tensor
    num_tasks: int

    @classmethod
    def of(cls, tasks: TableTasks) -> "OneHotRows":
        """Take the rows of tasks of numbers, in double precision."""
        x, task = with_one(tasks.x.double()), tasks.task
        return cls(x, tasks.y.double(), task, len(tasks.names))

    @property
    def count(self) -> Tensor:
        """The rows of every task ``[task]``."""
        return self.task.bincount(minlength=self.num_tasks)

    def sums(self, values: Tensor) -> Tensor:
        """Sum ``values`` ``[row, ...]`` by task ``[task, ...]``."""
        zeros = values.new_zeros(self.num_tasks, values.shape[1])
        return zeros.index_add(0, self.task, values)

    def held(self, penalty: float) -> Tensor:
        """Give the penalty as a matrix: on the features' weights, not on the intercept."""
        each = penalty * torch.ones_like(self.x[0])
        each[-1] = 1e-9
        return torch.diag(each)

    def shrink(self, penalty: float) -> Tensor:
        """Give the reciprocal of rows and penalty of every task ``[task, 1]``."""
        return 1 / (self.count + penalty).unsqueeze(1)

    def equations(self, penalty: float) -> tuple[Tensor, Tensor]:
        """Eliminate the columns of the tasks; give the matrix and the right side that are left."""
        of_x, of_y = self.sums(self.x), self.sums(self.y)
        shrunk = (of_x * self.shrink(penalty)).T
        system = self.x.T @ self.x - shrunk @ of_x + self.held(penalty)
        return system, self.x.T @ self.y - shrunk @ of_y

    def only(self, rows: Tensor) -> "OneHotRows":
        """Give some of the rows."""
        return replace(self, x=self.x[rows], y=self.y[rows], task=self.task[rows])

    def target(self, place: int) -> "OneHotRows":
        """Give the same rows with one of the targets."""
        return replace(self, y=self.y[:, place : place + 1])


@dataclass(frozen=True)
class OneHotRidge:
    """The ridge regression with one penalty for the weights of features and of tasks.

    ``min Σ (y − φ w − δ_task)² + λ ‖w‖² + λ ‖δ‖²``; the intercept, the last of ``w``, is not
    penalised. Given ``w``, a task's ``δ = Σ (y − φ w) / (rows + λ)``, so the tasks' columns are
    eliminated and one system of the features is left.

    Attributes:
        weights: ``w`` ``[feature, target]``.
        own: ``δ`` ``[task, target]``.
        squares: The least value of the objective ``[target]``.
    """

    weights: Tensor
    own: Tensor
    squares: Tensor

    @classmethod
    def fit(cls, rows: "OneHotRows", penalty: float) -> "OneHotRidge":
        """Solve for some rows."""
        shrink = rows.shrink(penalty)
        of_x, of_y = rows.sums(rows.x), rows.sums(rows.y)
        system, right = rows.equations(penalty)
        weights = torch.linalg.solve(system, right)
        own = (of_y - of_x @ weights) * shrink
        squares = rows.y * (rows.y - rows.x @ weights - own[rows.task])
        return cls(weights, own, squares.sum(0))

    def residuals(self, rows: OneHotRows) -> Tensor:
        """Give the residuals of some rows ``[row, target]``."""
        return rows.y - self(rows.x, rows.task)

    def __call__(self, x: Tensor, task: Tensor) -> Tensor:
        """Predict rows of known tasks ``[row, target]``."""
        return x @ self.weights + self.own[task]


class OneHot(AdaptingRung):
    """Ridge regression that sees the task: a column of zeros and ones for each.

    The penalty is chosen by fivefold cross-validation of the rows. A new task has no
    column. Its intercept is estimated from its rows by the same ridge, with the features' weights
    held fixed; without rows it is 0.
    """

    name = "ridge, task one-hot"
    family = "plain"
    cost = 0

    def refuses(self, train: TableTasks) -> str:
        """Refuse classes."""
        return "ridge regression is for numbers" if train.target.way else ""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Choose the penalty of every target, and solve."""
        rows = OneHotRows.of(train)
        best = _errors(rows, seed).argmin(0).tolist()
        found = [
            _prior(rows.target(place), float(PENALTIES[own])) for place, own in enumerate(best)
        ]
        self.learner = linear_prior(found, train)


def _errors(rows: OneHotRows, seed: int) -> Tensor:
    """Sum the squares of rows that were left out ``[penalty, target]``."""
    fold = torch.randperm(len(rows.x), generator=generator(seed, "one-hot")) % PARTS
    parts = [(rows.only(fold != part), rows.only(fold == part)) for part in range(PARTS)]
    found = [[_error(*pair, penalty) for penalty in PENALTIES.tolist()] for pair in parts]
    return torch.stack([torch.stack(each) for each in found]).sum(0)


def _error(seen: OneHotRows, held: OneHotRows, penalty: float) -> Tensor:
    """Sum the squares of rows that are left out ``[target]``."""
    return OneHotRidge.fit(seen, penalty).residuals(held).square().sum(0)


def _prior(rows: OneHotRows, penalty: float) -> Gaussian:
    """Give the ridge of one target as a prior: only the intercept has a variance.

    It is ``σ² / λ``.
    """
    model = OneHotRidge.fit(rows, penalty)
    noise = (model.squares[0] / len(rows.x)).clamp(min=1e-12)
    factor = torch.zeros_like(rows.held(penalty))
    factor[-1, -1] = (noise / penalty).sqrt()
    return Gaussian(model.weights[:, 0], factor, noise)


__all__ = ["OneHot", "OneHotRidge", "OneHotRows"]
