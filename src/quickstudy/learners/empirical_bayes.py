"""The mean and covariance of many tasks' weights, and the noise, by expectation maximisation."""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from quickstudy.errors import require


@dataclass(frozen=True)
class Moments:
    """Hold the sums over the rows of many tasks that linear regression needs.

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
        """Sum up rows that are ordered by task.

        Args:
            features: ``Φ`` of all rows ``[row, feature]``.
            y: Their targets ``[row]``.
            sizes: Rows of every task.
        """
        rows, targets = features.split(sizes), y.split(sizes)
        gram = torch.stack([x.T @ x for x in rows])
        cross = torch.stack([x.T @ v for x, v in zip(rows, targets, strict=True)])
        square = torch.stack([v @ v for v in targets])
        return cls(gram, cross, square, torch.tensor(sizes, dtype=y.dtype))


@dataclass(frozen=True)
class Prior:
    """Hold a prior ``w ~ N(mean, factor factorᵀ)`` with ``y = φ w + ε``, ``ε ~ N(0, noise)``.

    Attributes:
        mean: ``μ`` ``[feature]``.
        factor: ``L``, lower triangular ``[feature, feature]``.
        noise: ``σ²``, a scalar.
        log_evidence: The log evidence before every iteration.
    """

    mean: Tensor
    factor: Tensor
    noise: Tensor
    log_evidence: tuple[float, ...]


def empirical_bayes(
    moments: Moments, iterations: int = 50, shrinkage: float = 0.5, tolerance: float = 1e-6
) -> Prior:
    """Find the prior under which the tasks' rows are likeliest, their weights integrated out.

    With ``P_t = (Σ⁻¹ + Φ_tᵀ Φ_t / σ²)⁻¹`` and ``m_t = P_t (Σ⁻¹ μ + Φ_tᵀ y_t / σ²)``, the posterior
    of a task, an iteration sets

    ``μ ← mean_t m_t``, ``Σ ← mean_t [(m_t − μ)(m_t − μ)ᵀ + P_t]``,
    ``σ² ← Σ_t [‖y_t − Φ_t m_t‖² + tr(Φ_t P_t Φ_tᵀ)] / rows``.

    It is computed in the coordinates ``w = μ + L u``, ``Σ = L Lᵀ``, in which a direction without
    any variance does no harm.

    Args:
        moments: The sums over the tasks' rows.
        iterations: The most iterations.
        shrinkage: How far every ``Σ`` is moved to its own diagonal, from 0 (full) to 1 (diagonal).
            A full covariance has more numbers than tens of tasks can determine.
        tolerance: It ends when the log evidence changes by less than this part of itself. With
            ``shrinkage`` it may also fall.

    Raises:
        UserError: If ``shrinkage`` is not from 0 to 1 or there are no rows.

    Source: Dempster, Laird & Rubin 1977; the model of Lindley & Smith 1972. The evidence as in
        Bishop 2006, section 10.1.
    """
    require(0 <= shrinkage <= 1, f"Parameter `shrinkage` should be from 0 to 1. Found {shrinkage}.")
    rows = bool(moments.count.sum() > 0)
    require(rows, "A prior should be learned from at least one row. Found none.")
    prior = _start(moments)
    evidence: list[float] = []
    for _ in range(iterations):
        log_evidence, prior = _iterate(moments, prior, shrinkage)
        evidence.append(log_evidence)
        if len(evidence) > 1 and abs(evidence[-1] - evidence[-2]) < tolerance * abs(evidence[-1]):
            break
    return replace(prior, log_evidence=tuple(evidence))


def _start(moments: Moments) -> Prior:
    """Return a prior around the regression of all rows, as wide as the noise."""
    tasks, size = moments.cross.shape
    eye = torch.eye(size, dtype=moments.gram.dtype)
    pooled = moments.gram.sum(0)
    ridge = 1e-3 * (pooled.trace() / size + 1e-12) * eye
    mean = torch.linalg.solve(pooled + ridge, moments.cross.sum(0))
    squares = _residual(moments, mean.expand(tasks, -1)).sum()
    noise = (squares / moments.count.sum()).clamp(min=1e-12)
    return Prior(mean, noise.sqrt() * eye / math.sqrt(size), noise, ())


def _iterate(moments: Moments, prior: Prior, shrinkage: float) -> tuple[float, Prior]:
    """Return the log evidence of ``prior``, and the prior of the next iteration."""
    mean, factor = prior.mean, prior.factor
    noise = prior.noise
    eye = torch.eye(len(mean), dtype=moments.gram.dtype)
    white = factor.T @ moments.gram @ factor / noise
    root = torch.linalg.cholesky(eye + white)
    slope = (moments.cross - moments.gram @ mean) @ factor / noise
    shift = torch.cholesky_solve(slope.unsqueeze(-1), root).squeeze(-1)
    evidence = _log_evidence(moments, prior, slope, shift, root)
    weights = mean + shift @ factor.T
    spread = factor @ torch.cholesky_inverse(root) @ factor.T
    squares = (_residual(moments, weights) + (moments.gram * spread).sum((1, 2))).sum()
    noise = (squares / moments.count.sum()).clamp(min=1e-12)
    mean = weights.mean(0)
    return evidence, Prior(mean, _factor(weights - mean, spread, shrinkage), noise, ())


def _factor(away: Tensor, spread: Tensor, shrinkage: float) -> Tensor:
    """Return ``L`` of the shrunk ``mean_t [(m_t − μ)(m_t − μ)ᵀ + P_t]`` ``[feature, feature]``.

    Args:
        away: ``m_t − μ`` ``[task, feature]``.
        spread: ``P_t`` ``[task, feature, feature]``.
        shrinkage: How far it is moved to its own diagonal.
    """
    tasks, size = away.shape
    covariance = (away.T @ away + spread.sum(0)) / tasks
    covariance = (1 - shrinkage) * covariance + shrinkage * torch.diag(covariance.diagonal())
    jitter = 1e-9 * (covariance.trace() / size + 1e-12)
    factor: Tensor = torch.linalg.cholesky(covariance + jitter * torch.eye(size, dtype=away.dtype))
    return factor


def _residual(moments: Moments, weights: Tensor) -> Tensor:
    """Return ``‖y_t − Φ_t w_t‖²`` ``[task]``."""
    fitted = (moments.gram @ weights.unsqueeze(-1)).squeeze(-1)
    return moments.square + (weights * (fitted - 2 * moments.cross)).sum(-1)


def _log_evidence(
    moments: Moments, prior: Prior, slope: Tensor, shift: Tensor, root: Tensor
) -> float:
    """Return ``Σ_t log N(y_t; Φ_t μ, Φ_t Σ Φ_tᵀ + σ² I)``.

    Args:
        moments: The sums over the tasks' rows.
        prior: ``μ``, ``Σ`` and ``σ²``.
        slope: ``Lᵀ Φ_tᵀ (y_t − Φ_t μ) / σ²`` ``[task, feature]``.
        shift: ``(I + Lᵀ Φ_tᵀ Φ_t L / σ²)⁻¹ slope`` ``[task, feature]``.
        root: The Cholesky factor of that matrix ``[task, feature, feature]``.
    """
    squares = _residual(moments, prior.mean.expand_as(slope))
    distance = squares / prior.noise - (slope * shift).sum(-1)
    log_determinant = 2 * root.diagonal(dim1=1, dim2=2).log().sum(-1)
    logarithms = moments.count * (2 * math.pi * prior.noise).log() + log_determinant
    return float(-0.5 * (distance + logarithms).sum())


__all__ = ["Moments", "Prior", "empirical_bayes"]
