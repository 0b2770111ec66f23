"""The mean and covariance of many tasks' weights, and the noise, by expectation maximisation."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.errors import require


@dataclass(frozen=True)
class Moments:
    """What linear regression needs of the rows of many tasks, whatever their number.

    Attributes:
        gram: ``Φᵀ Φ`` of every task ``[task, feature, feature]``.
        cross: ``Φᵀ y`` ``[task, feature]``.
        square: ``yᵀ y`` ``[task]``.
        count: Rows ``[task]``.
    """

    gram: Tensor
    cross: Tensor
    square: Tensor
    count: Tensor

    @classmethod
    def of(cls, features: Tensor, y: Tensor, sizes: list[int]) -> "Moments":
        """Those of rows ``features`` ``[row, feature]`` and ``y`` ``[row]``, ordered by task, ``sizes`` of each."""
        parts = [(x, x.T, v) for x, v in zip(features.split(sizes), y.split(sizes), strict=True)]
        return cls(
            torch.stack([transposed @ x for x, transposed, _ in parts]),
            torch.stack([transposed @ v for _, transposed, v in parts]),
            torch.stack([v @ v for *_, v in parts]),
            torch.tensor(sizes, dtype=y.dtype),
        )


@dataclass(frozen=True)
class Prior:
    """``w ~ N(mean, factor factorᵀ)`` and ``y = φ w + ε``, ``ε ~ N(0, noise)``; and the log evidence after every iteration."""

    mean: Tensor
    factor: Tensor
    noise: Tensor
    log_evidence: tuple[float, ...]


def empirical_bayes(
    moments: Moments, iterations: int = 50, shrinkage: float = 0.5, tolerance: float = 1e-6
) -> Prior:
    """The prior under which the tasks' rows are likeliest, their weights integrated out.

    With ``P_t = (Σ⁻¹ + Φ_tᵀ Φ_t / σ²)⁻¹`` and ``m_t = P_t (Σ⁻¹ μ + Φ_tᵀ y_t / σ²)``, the posterior
    of a task, an iteration sets

    ``μ ← mean_t m_t``, ``Σ ← mean_t [(m_t − μ)(m_t − μ)ᵀ + P_t]``, ``σ² ← Σ_t [‖y_t − Φ_t m_t‖² +
    tr(Φ_t P_t Φ_tᵀ)] / rows``,

    computed in the coordinates ``w = μ + L u``, ``Σ = L Lᵀ``, in which a direction without any
    variance does no harm.

    Args:
        moments: Of the tasks.
        iterations: At most so many.
        shrinkage: How far every ``Σ`` is moved to its own diagonal, from 0 (full) to 1 (diagonal).
            A full covariance has more numbers than tens of tasks can tell.
        tolerance: It ends when the log evidence gains less than this part of itself. With
            ``shrinkage`` it may also fall.

    Raises:
        UserError: If ``shrinkage`` is not from 0 to 1 or there are no rows.

    Source: Dempster, Laird & Rubin 1977; the model of Lindley & Smith 1972. The evidence as in
        Bishop 2006, section 10.1.
    """
    require(0 <= shrinkage <= 1, f"Parameter `shrinkage` should be from 0 to 1. Found {shrinkage}.")
    rows, (tasks, size) = moments.count.sum(), moments.cross.shape
    require(bool(rows > 0), "A prior should be learned from at least one row. Found none.")
    eye = torch.eye(size, dtype=moments.gram.dtype)
    pooled = moments.gram.sum(0)
    mean = torch.linalg.solve(
        pooled + 1e-3 * (pooled.trace() / size + 1e-12) * eye, moments.cross.sum(0)
    )
    noise = (_residual(moments, mean.expand(tasks, -1)).sum() / rows).clamp(min=1e-12)
    factor = noise.sqrt() * eye / math.sqrt(size)
    evidence: list[float] = []
    for _ in range(iterations):
        white = factor.T @ moments.gram @ factor / noise
        root = torch.linalg.cholesky(eye + white)
        slope = (moments.cross - moments.gram @ mean) @ factor / noise
        shift = torch.cholesky_solve(slope.unsqueeze(-1), root).squeeze(-1)
        evidence.append(_log_evidence(moments, mean, noise, slope, shift, root))
        weights = mean + shift @ factor.T
        spread = factor @ torch.cholesky_inverse(root) @ factor.T
        noise = (
            (_residual(moments, weights) + (moments.gram * spread).sum((1, 2))).sum() / rows
        ).clamp(min=1e-12)
        mean = weights.mean(0)
        away = weights - mean
        covariance = (away.T @ away + spread.sum(0)) / tasks
        covariance = (1 - shrinkage) * covariance + shrinkage * torch.diag(covariance.diagonal())
        factor = torch.linalg.cholesky(
            covariance + 1e-9 * (covariance.trace() / size + 1e-12) * eye
        )
        if len(evidence) > 1 and abs(evidence[-1] - evidence[-2]) < tolerance * abs(evidence[-1]):
            break
    return Prior(mean, factor, noise, tuple(evidence))


def _residual(moments: Moments, weights: Tensor) -> Tensor:
    """``‖y_t − Φ_t w_t‖²`` ``[task]``."""
    fitted = (moments.gram @ weights.unsqueeze(-1)).squeeze(-1)
    return moments.square + (weights * (fitted - 2 * moments.cross)).sum(-1)


def _log_evidence(
    moments: Moments, mean: Tensor, noise: Tensor, slope: Tensor, shift: Tensor, root: Tensor
) -> float:
    """``Σ_t log N(y_t; Φ_t μ, Φ_t Σ Φ_tᵀ + σ² I)``, by the determinant and the inverse of ``I + Lᵀ Φᵀ Φ L / σ²``."""
    distance = _residual(moments, mean.expand_as(slope)) / noise - (slope * shift).sum(-1)
    logarithms = moments.count * (2 * math.pi * noise).log() + 2 * root.diagonal(
        dim1=1, dim2=2
    ).log().sum(-1)
    return float(-0.5 * (distance + logarithms).sum())


__all__ = ["Moments", "Prior", "empirical_bayes"]
