"""A linear mixed model of many tasks, by restricted maximum likelihood."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from quickstudy.errors import require
from quickstudy.learners.empirical_bayes import Moments

JITTER = 1e-9
"""Added to the normal equations, relative to their mean diagonal: columns may be collinear."""
MOST_STEPS = 200


@dataclass(frozen=True)
class MixedModel:
    """Hold a fitted mixed model.

    The weights of a task are ``w_t ~ N(mean, factor factorᵀ)``, its targets ``y = φ w_t + ε``.

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
    """Fit a linear mixed model by maximum or restricted maximum likelihood.

    ``y_t = Φ_t β + Z_t u_t + ε`` with ``u_t ~ N(0, σ² V)`` and ``ε ~ N(0, σ²)``; ``Z_t`` are the
    ``random`` columns of ``Φ_t``. With ``K_t = V (I + Z_tᵀ Z_t V)⁻¹`` and the generalised least
    squares ``A = Σ_t [Φᵀ Φ − Φᵀ Z K Zᵀ Φ]``, ``b = Σ_t [Φᵀ y − Φᵀ Z K Zᵀ y]``,
    ``r² = Σ_t [yᵀ y − yᵀ Z K Zᵀ y] − bᵀ A⁻¹ b``, it minimises over ``V`` the profiled deviance

    ``Σ_t log det(I + Z_tᵀ Z_t V) + n (1 + log(2π r² / n))``,

    or, if restricted, the same with ``n − p`` in place of ``n`` and ``log det A`` added. Then
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
    effects = _Effects(list(random), correlated)
    profile = _Profile(moments, effects, _lost(moments) if restricted else 0)
    found = _minimised(profile.value_and_slope, effects)
    return profile.model(torch.from_numpy(found))


def _lost(moments: Moments) -> int:
    """Give the degrees of freedom that are lost to ``β``; 0 if there are too few rows."""
    free = int(torch.linalg.matrix_rank(moments.gram.sum(0), hermitian=True))
    return free if float(moments.count.sum()) > free else 0


def _minimised(
    function: Callable[[np.ndarray], tuple[float, np.ndarray]], effects: "_Effects"
) -> np.ndarray:
    """Find the least of a function of the free numbers of ``V``."""
    bounds = [(low, None) for low in effects.least()]
    options = {"maxiter": MOST_STEPS}
    found = minimize(
        function, effects.start(), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.asarray(found.x)


@dataclass(frozen=True)
class _Effects:
    """The columns that have random effects, and their covariance as a function of free numbers.

    The numbers are the variances, or the lower triangle of a factor of ``V``.
    """

    random: list[int]
    correlated: bool

    @property
    def size(self) -> int:
        """The number of random effects of a task."""
        return len(self.random)

    def _on_diagonal(self) -> np.ndarray:
        """Say which numbers are on the diagonal."""
        if not self.correlated:
            return np.ones(self.size, dtype=bool)
        row, column = np.tril_indices(self.size)
        return row == column

    def start(self) -> np.ndarray:
        """Give the first numbers: ``V`` is the identity."""
        return self._on_diagonal().astype(float)

    def least(self) -> list[float]:
        """Give the least that each number may be."""
        free = self.correlated & ~self._on_diagonal()
        return np.where(free, -np.inf, 0.0).tolist()

    def of_both(self, gram: Tensor) -> Tensor:
        """Give the rows and columns of the random effects ``[task, random, random]``."""
        return gram[:, self.random][:, :, self.random]

    def variance(self, numbers: Tensor) -> Tensor:
        """Give ``V`` ``[random, random]``."""
        if not self.correlated:
            return torch.diag(numbers)
        factor = self._triangle(numbers)
        return factor @ factor.T

    def factor(self, numbers: Tensor) -> Tensor:
        """Give a lower triangular factor of ``V``."""
        return self._triangle(numbers) if self.correlated else torch.diag(numbers.sqrt())

    def _triangle(self, numbers: Tensor) -> Tensor:
        """Put the numbers into a lower triangle."""
        zeros = numbers.new_zeros(self.size, self.size)
        return zeros.index_put(tuple(torch.tril_indices(*zeros.shape)), numbers)


@dataclass(frozen=True)
class _Equations:
    """Hold generalised least squares: the matrix, the right side and the square of the targets."""

    system: Tensor
    right: Tensor
    square: Tensor

    @classmethod
    def of(cls, moments: Moments, random: list[int], shrink: Tensor) -> "_Equations":
        """Sum over the tasks, with ``K_t`` of each ``[task, random, random]``."""
        both, of_y = moments.gram[:, :, random], moments.cross[:, random].unsqueeze(-1)
        pulled = both @ shrink
        system = moments.gram.sum(0) - (pulled @ both.mT).sum(0)
        right = moments.cross.sum(0) - (pulled @ of_y).sum(0).squeeze(-1)
        return cls(system, right, moments.square.sum() - (of_y.mT @ shrink @ of_y).sum())

    def root(self) -> Tensor:
        """Factorise the matrix."""
        jitter = JITTER * self.system.diagonal().mean().detach() + 1e-300
        eye = torch.eye(len(self.right), dtype=self.system.dtype)
        factor: Tensor = torch.linalg.cholesky(self.system + jitter * eye)
        return factor

    def solution(self, root: Tensor) -> Tensor:
        """Give ``β``."""
        return torch.cholesky_solve(self.right.unsqueeze(-1), root).squeeze(-1)

    def residual(self, mean: Tensor) -> Tensor:
        """Give ``r²``."""
        return self.square - self.right @ mean


@dataclass(frozen=True)
class _Solved:
    """Hold the least squares for one covariance of the random effects."""

    mean: Tensor
    noise: Tensor
    deviance: Tensor


@dataclass(frozen=True)
class _Profile:
    """Give the profiled deviance as a function of the free numbers of the covariance."""

    moments: Moments
    effects: _Effects
    lost: int

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
        place = torch.tensor(self.effects.random)
        own = self.effects.factor(numbers)
        factor[place.unsqueeze(1), place] = own * solved.noise.sqrt()
        return MixedModel(solved.mean, factor, solved.noise, float(solved.deviance))

    def solve(self, numbers: Tensor) -> _Solved:
        """Solve the least squares of ``β`` for the ``V`` of these ``numbers``."""
        variance = self.effects.variance(numbers)
        inner = self._inner(variance)
        shrink = variance @ torch.linalg.inv(inner)
        equations = _Equations.of(self.moments, self.effects.random, shrink)
        root = equations.root()
        mean = equations.solution(root)
        noise = self._noise(equations.residual(mean))
        return _Solved(mean, noise, self._deviance(inner, root, noise))

    @property
    def rows(self) -> float:
        """The rows, less the degrees of freedom that are lost to ``β``."""
        return float(self.moments.count.sum()) - self.lost

    def _noise(self, residual: Tensor) -> Tensor:
        """Give ``σ²``, kept above 0 for rows that are fitted exactly."""
        least = 1e-12 * float(self.moments.square.sum()) + 1e-300
        return residual.clamp(min=least) / self.rows

    def _inner(self, variance: Tensor) -> Tensor:
        """Give the matrix whose inverse is in ``K_t`` ``[task, random, random]``."""
        own = self.effects.of_both(self.moments.gram)
        return own @ variance + torch.eye(self.effects.size)

    def _deviance(self, inner: Tensor, root: Tensor, noise: Tensor) -> Tensor:
        """Give the profiled deviance."""
        of_rows = self.rows * (1 + (2 * math.pi * noise).log())
        found = torch.linalg.slogdet(inner)[1].sum() + of_rows
        return found + 2 * root.diagonal().log().sum() if self.lost else found


__all__ = ["MixedModel", "mixed_model"]
