"""The evidence of many tasks of linear regression, and its gradient, from sums over their rows."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.roots import root_beside_one

LEAST_NOISE = 1e-10
"""The least variance of the noise, as a part of the target's mean square."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Compute the evidence of a relative covariance of the tasks' weights.

    The rows of a task are ``y_t = Φ_t w_t + ε`` with ``w_t ~ N(μ, σ² Λ Λᵀ)``, ``ε ~ N(0, σ²)``,
    ``μ_j ~ N(0, σ² / ρ)``, and a flat prior over the last ``μ_j``, which is the intercept. Weights
    and ``μ`` are integrated out, ``σ²`` is at its maximum. With ``A_t = I + Λᵀ Φ_tᵀ Φ_t Λ``,
    ``V_t = I + Φ_t Λ Λᵀ Φ_tᵀ`` and ``X = Σ_t Φ_tᵀ V_t⁻¹ Φ_t + ρ I``, the log evidence is

    ``−½ [(n − 1) (log 2π σ² + 1) + Σ_t log det A_t + log det X − (p − 1) log ρ]``

    with ``σ² = (Σ_t y_tᵀ V_t⁻¹ y_t − μᵀ X μ) / (n − 1)`` and ``μ = X⁻¹ Σ_t Φ_tᵀ V_t⁻¹ y_t``. All of
    it is computed from sums over rows by ``V⁻¹ = I − Φ Λ A⁻¹ Λᵀ Φᵀ``.

    Attributes:
        moments: The sums ``[task, ...]``.
        active: The features whose weights differ between tasks ``[slope]``.
        factor: ``Λ`` of these features ``[slope, slope]``; the other rows of ``Λ`` are 0.
        log_ridge: ``log ρ``.

    Source: Patterson & Thompson 1971 for the evidence with ``μ`` integrated out; Bates et al. 2015,
        section 3, for ``σ²`` and ``μ`` at their optimum (there with a flat prior over ``μ``).
    """

    moments: Moments
    active: Tensor
    factor: Tensor
    log_ridge: float

    @cached_property
    def value(self) -> float:
        """The log evidence."""
        fit = self._degrees * ((2 * math.pi * self.noise).log() + 1)
        penalty = (len(self.mean) - 1) * self.log_ridge
        return float(-0.5 * (fit + self._log_determinants - penalty))

    @cached_property
    def mean(self) -> Tensor:
        """The mean of the weights ``[feature]``."""
        return torch.cholesky_solve(self._pull.unsqueeze(1), self.mean_root).squeeze(1)

    @cached_property
    def noise(self) -> Tensor:
        """The variance of the noise, a scalar."""
        total = self.moments.square.sum()
        squares = total - self._shift.square().sum() - self.mean @ self._pull
        return (squares / self._degrees).clamp(min=self._least_noise)

    @cached_property
    def mean_root(self) -> Tensor:
        """The Cholesky factor of ``X``; the covariance of ``μ`` is ``σ² X⁻¹``."""
        white = self._white.flatten(0, 1)
        precision = self.moments.gram.sum(0) - white.T @ white + torch.diag(self._ridge)
        root: Tensor = torch.linalg.cholesky(precision)
        return root

    @cached_property
    def curvature(self) -> Tensor:
        """Minus twice the derivative by the relative covariance ``[slope, slope]``."""
        weight = self._weight(self.active)
        found = weight[:, :, self.active].sum(0) - self._squares(self._pulled[:, self.active])
        spread = self._spread(weight)
        return found - torch.einsum("tpi,tpj->ij", spread, spread)

    @property
    def slope(self) -> Tensor:
        """The derivative of the log evidence by ``Λ`` ``[slope, slope]``."""
        return -self.curvature @ self.factor

    @cached_property
    def ridge_slope(self) -> float:
        """The derivative of the log evidence by ``log ρ``."""
        squares = math.exp(self.log_ridge) * self._mean_squares[:-1].sum()
        return float(0.5 * (len(self.mean) - 1 - squares))

    def scores(self) -> tuple[Tensor, Tensor]:
        """Score a variance of every feature's weight, where it is 0.

        Returns:
            The derivatives of the log evidence by the features' relative variances ``[feature]``,
            and their information (minus the expected second derivatives, nearly) ``[feature]``.
        """
        weight = self._weight(torch.arange(len(self.mean)))
        variance = weight.diagonal(dim1=1, dim2=2)
        spread = self._spread(weight).square().sum((0, 1))
        slope = self._pulled.square().sum(0) / self.noise + spread - variance.sum(0)
        return 0.5 * slope, 0.5 * variance.square().sum(0)

    @property
    def _degrees(self) -> Tensor:
        return (self.moments.count.sum() - 1).clamp(min=1)

    @property
    def _log_determinants(self) -> Tensor:
        """The logarithm of the determinants of all ``A`` and of ``X``."""
        return _log_determinant(self._root).sum() + _log_determinant(self.mean_root)

    @property
    def _least_noise(self) -> Tensor:
        """The variance of the noise that rounding errors do not reach."""
        total = self.moments.square.sum()
        return LEAST_NOISE * total / self.moments.count.sum() + torch.finfo(total.dtype).tiny

    @property
    def _ridge(self) -> Tensor:
        """The relative precision of the prior of the mean ``[feature]``."""
        ridge = torch.full_like(self.moments.cross[0], math.exp(self.log_ridge))
        # flat but for rounding: the intercept is in every row
        ridge[-1] = 1e-10
        return ridge

    @property
    def _mean_squares(self) -> Tensor:
        """The expected squares of the mean, in units of the noise ``[feature]``."""
        variance = torch.cholesky_inverse(self.mean_root).diagonal()
        return variance + self.mean.square() / self.noise

    @cached_property
    def _gain(self) -> Tensor:
        """The gram matrix times the factor ``[task, feature, slope]``."""
        return self.moments.gram[:, :, self.active] @ self.factor

    @cached_property
    def _root(self) -> Tensor:
        """The Cholesky factor ``R`` of ``A`` ``[task, slope, slope]``."""
        return root_beside_one(self.factor.T @ self._gain[:, self.active])

    @cached_property
    def _white(self) -> Tensor:
        """The whitened gram matrix ``[task, slope, feature]``.

        It is ``R⁻¹ Λᵀ Φᵀ Φ``.
        """
        return self._whitened(self._gain.mT)

    @cached_property
    def _shift(self) -> Tensor:
        """The whitened targets ``[task, slope]``.

        They are ``R⁻¹ Λᵀ Φᵀ y``.
        """
        cross = self.moments.cross[:, self.active] @ self.factor
        return self._whitened(cross.unsqueeze(-1)).squeeze(-1)

    def _whitened(self, values: Tensor) -> Tensor:
        """Return columns times the inverse of ``R`` ``[task, slope, column]``."""
        return torch.linalg.solve_triangular(self._root, values, upper=False)

    @cached_property
    def _pull(self) -> Tensor:
        """The pull of all tasks on a mean of 0 ``[feature]``.

        It is the sum of ``Φᵀ V⁻¹ y``.
        """
        taken = self._white.flatten(0, 1).T @ self._shift.flatten()
        return self.moments.cross.sum(0) - taken

    @cached_property
    def _pulled(self) -> Tensor:
        """The pull of every task on the mean ``[task, feature]``.

        It is ``Φᵀ V⁻¹ (y − Φ μ)``.
        """
        moments = self.moments
        return moments.cross - moments.gram @ self.mean - self._taken()

    def _taken(self) -> Tensor:
        """Return the part of the pull that the task's weights explain ``[task, feature]``."""
        away = self._shift - self._white @ self.mean
        return torch.einsum("tkp,tk->tp", self._white, away)

    def _squares(self, pulled: Tensor) -> Tensor:
        return pulled.T @ pulled / self.noise

    def _weight(self, features: Tensor) -> Tensor:
        """Compute chosen rows of each task's precision of the mean ``[task, chosen, feature]``.

        That is ``Φᵀ V⁻¹ Φ``.
        """
        taken = self._white[:, :, features].mT @ self._white
        return self.moments.gram[:, features] - taken

    def _spread(self, weight: Tensor) -> Tensor:
        """Compute how the mean's uncertainty spreads ``[task, feature, chosen]``.

        It is ``S`` with ``Sᵀ S = Φᵀ V⁻¹ Φ X⁻¹ Φᵀ V⁻¹ Φ``.
        """
        return torch.linalg.solve_triangular(self.mean_root, weight.mT, upper=False)


def _log_determinant(root: Tensor) -> Tensor:
    return 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)


__all__ = ["LEAST_NOISE", "Evidence"]
