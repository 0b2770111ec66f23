"""Many ridge regressions at once, with a penalty for each."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.ladder.rungs.rung import PENALTIES


@dataclass(frozen=True)
class Ridges:
    """A ridge regression of every problem, with the penalty of the least leave-one-out error.

    With ``x`` and ``y`` less their means, the weights are ``(xᵀx + λ I)⁻¹ xᵀ y``; the intercept is
    not penalised. The error of a row that is left out is its residual divided by ``1 − h``, with
    ``h`` its leverage. It is scikit-learn's ``RidgeCV``, for all problems at once.

    Attributes:
        weights: ``[problem, feature, target]``.
        centre: The mean features ``[problem, 1, feature]``.
        mean: The mean targets ``[problem, 1, target]``.
    """

    weights: Tensor
    centre: Tensor
    mean: Tensor

    @classmethod
    def fit(cls, x: Tensor, y: Tensor, mask: Tensor) -> "Ridges":
        """Fit to the real rows of every problem.

        Args:
            x: Features ``[problem, row, feature]``.
            y: Targets ``[problem, row, target]``.
            mask: 1 for real rows, at least one a problem, and 0 for padding ``[problem, row]``.

        Source: Golub, Heath & Wahba 1979, for the error of a row that is left out.
        """
        real = mask.unsqueeze(-1)
        centre, mean = (_mean(values, real) for values in (x, y))
        rows, targets = (x - centre) * real, (y - mean) * real
        values, vectors = torch.linalg.eigh(rows.mT @ rows)
        turned = _Turned(rows @ vectors, targets, values, real)
        return cls(vectors @ turned.best(), centre, mean)

    def __call__(self, x: Tensor) -> Tensor:
        """Predict rows ``[problem, row, feature]``: ``[problem, row, target]``."""
        return (x - self.centre) @ self.weights + self.mean


@dataclass(frozen=True)
class _Turned:
    """Hold centred rows in the directions in which their sums of products are diagonal."""

    rows: Tensor
    targets: Tensor
    values: Tensor
    real: Tensor

    def best(self) -> Tensor:
        """Give the weights of the least leave-one-out error ``[problem, feature, target]``."""
        pull = self.rows.mT @ self.targets
        least = torch.full_like(pull[:, :1], torch.inf)
        best = torch.zeros_like(pull)
        for penalty in PENALTIES.tolist():
            weights = pull / (self.values + penalty).unsqueeze(-1)
            error = self._error(weights, penalty)
            best = torch.where(error < least, weights, best)
            least = error.minimum(least)
        return best

    def _error(self, weights: Tensor, penalty: float) -> Tensor:
        """Sum the squared errors of rows that are left out ``[problem, 1, target]``."""
        shrunk = self.rows.square() / (self.values + penalty).unsqueeze(1)
        leverage = shrunk.sum(-1, keepdim=True) + 1 / self.real.sum(1, keepdim=True)
        out = (1 - leverage).clamp(min=1e-9)
        residual = (self.targets - self.rows @ weights) / out * self.real
        return residual.square().sum(1, keepdim=True)


def _mean(values: Tensor, real: Tensor) -> Tensor:
    """Average the real rows ``[problem, 1, ...]``."""
    return (values * real).sum(1, keepdim=True) / real.sum(1, keepdim=True)


__all__ = ["Ridges"]
