"""A linear mixed model of many tasks, by restricted maximum likelihood."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from quickstudy.errors import require
from quickstudy.learners.empirical_bayes import Moments

JITTER = 1e-9
"""Added to the normal equations, as a part of their mean diagonal: columns may be collinear."""
MOST_STEPS = 200


@dataclass(frozen=True)
class MixedModel:
    """Hold a fitted mixed model: ``w_t ~ N(mean, factor factorᵀ)``, ``y = φ w_t + ε``.

    Attributes:
        mean: The fixed effects ``β`` ``[feature]``.
        factor: ``σ Λ``, lower triangular, zero for columns without a random effect
            ``[feature, feature]``.
        noise: ``σ²``, the variance of ``ε``, a scalar.
        deviance: Minus twice the log-likelihood, restricted or not.
    """

    mean: Tensor
    factor: Tensor
    noise: Tensor
    deviance: float


def mixed_model(
    moments: Moments, random: Sequence[int], correlated: bool = False, restricted: bool = True
) -> MixedModel:
    """Fit ``y_t = Φ_t β + Z_t u_t + ε`` with ``u_t ~ N(0, σ² V)`` and ``ε ~ N(0, σ²)``.

    ``Z_t`` are the ``random`` columns of ``Φ_t``. With ``K_t = V (I + Z_tᵀ Z_t V)⁻¹`` and the
    generalised least squares ``A = Σ_t [Φᵀ Φ − Φᵀ Z K Zᵀ Φ]``, ``b = Σ_t [Φᵀ y − Φᵀ Z K Zᵀ y]``,
    ``r² = Σ_t [yᵀ y − yᵀ Z K Zᵀ y] − bᵀ A⁻¹ b``, it minimises over ``V`` the profiled deviance

    ``Σ_t log det(I + Z_tᵀ Z_t V) + n (1 + log(2π r² / n))``,

    or, restricted, that with ``n − p`` in the place of ``n`` and ``log det A`` added. Then
    ``β = A⁻¹ b`` and ``σ² = r² / n``, or ``r² / (n − p)``.

    Args:
        moments: Sums of products of the tasks' rows.
        random: The columns that have a random effect.
        correlated: Whether random effects of a task are correlated; if not, ``V`` is diagonal.
        restricted: Whether the loss of degrees of freedom to ``β`` is counted (REML).

    Raises:
        UserError: If there are no rows.

    Source: Bates, Mächler, Bolker & Walker 2015, section 3; Laird & Ware 1982 for the model.
    """
    rows = float(moments.count.sum())
    require(rows > 0, "A mixed model should be fitted to at least one row. Found none.")
    free = int(torch.linalg.matrix_rank(moments.gram.sum(0), hermitian=True))
    lost = free if restricted and rows > free else 0
    problem = _Profile(moments, list(random), correlated, lost)
    start, low = problem.start()
    best = minimize(
        problem.value_and_slope,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(bound, None) for bound in low],
        options={"maxiter": MOST_STEPS},
    )
    return problem.model(torch.from_numpy(np.asarray(best.x)))


@dataclass(frozen=True)
class _Solved:
    """Hold the least squares for one ``V``."""

    mean: Tensor
    noise: Tensor
    deviance: Tensor


@dataclass(frozen=True)
class _Profile:
    """The profiled deviance as a function of the free numbers of ``V``."""

    moments: Moments
    random: list[int]
    correlated: bool
    lost: int

    def start(self) -> tuple[np.ndarray, list[float]]:
        """Give the first numbers, and the least that each may be: variances or factors of 1."""
        size = len(self.random)
        if not self.correlated:
            return np.ones(size), [0.0] * size
        row, column = np.tril_indices(size)
        diagonal = row == column
        return diagonal.astype(float), np.where(diagonal, 0.0, -np.inf).tolist()

    def value_and_slope(self, numbers: np.ndarray) -> tuple[float, np.ndarray]:
        """Give the deviance and its gradient."""
        free = torch.from_numpy(numbers).requires_grad_()
        value = self.solve(free).deviance
        (slope,) = torch.autograd.grad(value, free)
        return float(value.detach()), slope.numpy()

    def model(self, numbers: Tensor) -> MixedModel:
        """Give the model at the best ``numbers``."""
        solved = self.solve(numbers)
        size = len(solved.mean)
        factor = numbers.new_zeros(size, size)
        own = self._factor(numbers) if self.correlated else torch.diag(numbers.sqrt())
        place = torch.tensor(self.random)
        factor[place.unsqueeze(1), place] = own * solved.noise.sqrt()
        return MixedModel(solved.mean, factor, solved.noise, float(solved.deviance))

    def solve(self, numbers: Tensor) -> _Solved:
        """Solve the least squares of ``β`` for the ``V`` of these ``numbers``."""
        moments, random = self.moments, self.random
        own = moments.gram[:, random][:, :, random]
        both = moments.gram[:, :, random]
        variance = self._variance(numbers)
        inner = torch.eye(len(random), dtype=own.dtype) + own @ variance
        shrink = variance @ torch.linalg.inv(inner)
        pulled = both @ shrink
        of_y = moments.cross[:, random].unsqueeze(-1)
        system = moments.gram.sum(0) - (pulled @ both.mT).sum(0)
        right = moments.cross.sum(0) - (pulled @ of_y).sum(0).squeeze(-1)
        square = moments.square.sum() - (of_y.mT @ shrink @ of_y).sum()
        scale = moments.gram.sum(0).diagonal().mean() + 1e-300
        root = torch.linalg.cholesky(system + JITTER * scale * torch.eye(len(right)))
        mean = torch.cholesky_solve(right.unsqueeze(-1), root).squeeze(-1)
        left = (square - right @ mean).clamp(min=1e-12 * float(moments.square.sum()) + 1e-300)
        rows = moments.count.sum() - self.lost
        deviance = torch.linalg.slogdet(inner)[1].sum()
        deviance = deviance + rows * (1 + (2 * math.pi * left / rows).log())
        if self.lost:
            deviance = deviance + 2 * root.diagonal().log().sum()
        return _Solved(mean, left / rows, deviance)

    def _variance(self, numbers: Tensor) -> Tensor:
        """Give ``V`` ``[random, random]``."""
        if not self.correlated:
            return torch.diag(numbers)
        factor = self._factor(numbers)
        return factor @ factor.T

    def _factor(self, numbers: Tensor) -> Tensor:
        """Put the ``numbers`` into a lower triangle."""
        size = len(self.random)
        row, column = torch.tril_indices(size, size)
        return numbers.new_zeros(size, size).index_put((row, column), numbers)


__all__ = ["MixedModel", "mixed_model"]
