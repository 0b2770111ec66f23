"""Many ridge regressions at once, each with a penalty of its own."""

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
        count = real.sum(1, keepdim=True)
        centre, mean = ((values * real).sum(1, keepdim=True) / count for values in (x, y))
        rows, targets = (x - centre) * real, (y - mean) * real
        values, vectors = torch.linalg.eigh(rows.transpose(1, 2) @ rows)
        turned = rows @ vectors
        pull = turned.transpose(1, 2) @ targets
        least = torch.full_like(mean[:, 0], torch.inf)
        weights = torch.zeros_like(pull)
        for penalty in PENALTIES.tolist():
            own = pull / (values + penalty).unsqueeze(-1)
            leverage = (turned.square() / (values + penalty).unsqueeze(1)).sum(-1, keepdim=True)
            out = 1 - leverage - 1 / count
            error = ((targets - turned @ own) / out.clamp(min=1e-9) * real).square().sum(1)
            better = (error < least).unsqueeze(1)
            least, weights = error.minimum(least), torch.where(better, own, weights)
        return cls(vectors @ weights, centre, mean)

    def __call__(self, x: Tensor) -> Tensor:
        """Predict rows ``[problem, row, feature]``: ``[problem, row, target]``."""
        return (x - self.centre) @ self.weights + self.mean


__all__ = ["Ridges"]
