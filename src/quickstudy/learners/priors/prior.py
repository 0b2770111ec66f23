"""A prior over the weights of a task, and how likely the rows of tasks are under it."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from quickstudy.learners.priors.evidence import Evidence
from quickstudy.learners.priors.moments import Moments

NODES = 41
"""Points of the logarithm of a precision, over which it is integrated."""


@dataclass(frozen=True, eq=False)
class Prior:
    """Hold a prior over the weights of a task, and over its noise.

    A row is ``y = φ w + ε`` with ``w ~ N(mean, factor factorᵀ)``. The noise is ``ε ~ N(0, noise)``,
    or ``N(0, noise / k)`` with ``k ~ Gamma(shape, shape)`` for every task if ``shape`` is finite.

    Attributes:
        mean: ``μ`` ``[feature]``.
        factor: ``L``, lower triangular ``[feature, feature]``. ``L Lᵀ`` is the covariance ``Σ`` of
            the tasks' weights and the variance of ``μ`` itself.
        noise: ``σ²``, a scalar.
        log_evidence: The objective before and after every step: the log evidence and the log
            density of the prior over ``Σ``. It never falls.
        shape: How alike the tasks' noise is; infinite if it is the same.
        structure: The structure of ``Σ``.
        held_out: The log density of tasks under priors that did not see them; NaN if it was not
            computed.
    """

    mean: Tensor
    factor: Tensor
    noise: Tensor
    log_evidence: tuple[float, ...] = ()
    shape: float = math.inf
    structure: str = "full"
    held_out: float = math.nan

    @classmethod
    def at(cls, evidence: Evidence) -> "Prior":
        """Give the prior at a fitted covariance."""
        size = len(evidence.mean)
        of_tasks = evidence.factor.new_zeros(size, len(evidence.active))
        of_tasks[evidence.active] = evidence.factor
        eye = torch.eye(size, dtype=of_tasks.dtype)
        of_mean = torch.linalg.solve_triangular(evidence.mean_root, eye, upper=False).T
        factor = triangular(torch.cat([of_tasks, of_mean], 1)) * evidence.noise.sqrt()
        return cls(evidence.mean, factor, evidence.noise)

    def log_densities(self, moments: Moments) -> Tensor:
        """Compute the log density of the rows of every task ``[task]``, weights integrated out."""
        return Spread.of(self, moments).mixed(self.shape)

    def unscaled(self, features: Tensor, target: Tensor) -> "Prior":
        """Give the prior of weights of features and targets that were divided by these scales."""
        units = target / features
        factor = units.unsqueeze(1) * self.factor
        noise = self.noise * target**2
        return replace(self, mean=units * self.mean, factor=factor, noise=noise)


@dataclass(frozen=True, eq=False)
class Spread:
    """Hold the rows of tasks in the coordinates in which a prior and they are both diagonal.

    With ``Lᵀ Φᵀ Φ L / σ² = U diag(d) Uᵀ``.

    Attributes:
        noise: ``σ²``.
        count: Rows ``[task]``.
        square: ``‖y − Φ μ‖² / σ²`` ``[task]``.
        values: ``d`` ``[task, feature]``.
        pull: ``Uᵀ Lᵀ Φᵀ (y − Φ μ) / σ²`` ``[task, feature]``.
    """

    noise: Tensor
    count: Tensor
    square: Tensor
    values: Tensor
    pull: Tensor

    @classmethod
    def of(cls, prior: Prior, moments: Moments) -> "Spread":
        """Take the tasks of ``moments`` to these coordinates."""
        factor, noise = prior.factor, prior.noise
        values, vectors = torch.linalg.eigh(factor.T @ moments.gram @ factor / noise)
        cross = (moments.cross - moments.gram @ prior.mean) @ factor / noise
        pull = (vectors.transpose(1, 2) @ cross.unsqueeze(-1)).squeeze(-1)
        square = moments.residual(prior.mean) / noise
        return cls(noise, moments.count, square, values.clamp(min=0), pull)

    def log_density(self, precision: Tensor) -> Tensor:
        """Compute the log density at given relative precisions of the noise ``[task, node]``.

        Args:
            precision: The relative precisions ``k`` ``[node]``.
        """
        k = precision.unsqueeze(1)
        values = 1 + k * self.values.unsqueeze(1)
        taken = (k * self.pull.unsqueeze(1)).square() / values
        distance = precision * self.square.unsqueeze(1) - taken.sum(-1)
        logarithm = (2 * math.pi * self.noise / precision).log()
        size = self.count.unsqueeze(1) * logarithm + values.log().sum(-1)
        return -0.5 * (distance + size)

    def mixed(self, shape: float) -> Tensor:
        """Compute the log density if relative precisions are ``Gamma(shape, shape)`` ``[task]``."""
        if math.isinf(shape):
            return self.log_density(self.noise.new_ones(1)).squeeze(1)
        precisions, logarithms = gamma_nodes(shape, self.noise)
        return (self.log_density(precisions) + logarithms).logsumexp(1)


def gamma_nodes(shape: float, like: Tensor) -> tuple[Tensor, Tensor]:
    """Give points of a relative precision, and the logarithms of their weights ``[node]``.

    The precision is ``Gamma(shape, shape)``; the points are equidistant in its logarithm, and
    reach six standard deviations of it to either side.

    Args:
        shape: The shape.
        like: A tensor of the dtype and on the device that the points should have.
    """
    return _nodes(shape, like.dtype, like.device)


@lru_cache(maxsize=64)
def _nodes(shape: float, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Compute the points once: adapting to a task asks for the same ones every time."""
    exact = torch.tensor(shape, dtype=torch.float64)
    deviation = math.sqrt(float(torch.polygamma(1, exact)))
    centre = float(torch.digamma(exact)) - math.log(shape)
    ends = centre - 6 * deviation, centre + 6 * deviation
    points = torch.linspace(*ends, NODES, dtype=torch.float64)
    weights = (shape * (points - points.exp())).log_softmax(0)
    return points.exp().to(device, dtype), weights.to(device, dtype)


def triangular(factor: Tensor) -> Tensor:
    """Give the lower triangular factor of a covariance, of which any factor is given.

    It is ``L`` with ``L Lᵀ = F Fᵀ``, and its diagonal is not negative.

    Args:
        factor: ``F`` ``[feature, other]``; it may lack directions.
    """
    upper = torch.linalg.qr(factor.T, mode="r").R
    return (upper * (1 - 2 * (upper.diagonal() < 0).to(upper.dtype)).unsqueeze(1)).T.contiguous()


__all__ = ["NODES", "Prior", "Spread", "gamma_nodes", "triangular"]
