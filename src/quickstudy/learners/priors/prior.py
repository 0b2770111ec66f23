"""A prior over the weights of a task, and how likely the rows of tasks are under it."""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor

from quickstudy.learners.priors.evidence import Evidence
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.roots import identity

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
        relative = torch.cat([_factor_of_tasks(evidence), _factor_of_mean(evidence)], 1)
        factor = triangular(relative) * evidence.noise.sqrt()
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


def _factor_of_tasks(evidence: Evidence) -> Tensor:
    """Return the relative factor of the tasks' weights, all features ``[feature, slope]``."""
    found = evidence.factor.new_zeros(len(evidence.mean), len(evidence.active))
    found[evidence.active] = evidence.factor
    return found


def _factor_of_mean(evidence: Evidence) -> Tensor:
    """Return the relative factor of the uncertainty of the mean ``[feature, feature]``."""
    root = evidence.mean_root
    return torch.linalg.solve_triangular(root, identity(root), upper=False).T


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
        pull = (vectors.mT @ cross.unsqueeze(-1)).squeeze(-1)
        square = moments.residual(prior.mean) / noise
        return cls(noise, moments.count, square, values.clamp(min=0), pull)

    def log_density(self, precision: Tensor) -> Tensor:
        """Compute the log density at given relative precisions of the noise ``[task, node]``.

        Args:
            precision: The relative precisions ``k`` ``[node]``.
        """
        values = 1 + precision.unsqueeze(1) * self.values.unsqueeze(1)
        logarithm = (2 * math.pi * self.noise / precision).log()
        size = self.count.unsqueeze(1) * logarithm + values.log().sum(-1)
        return -0.5 * (self._distance(precision, values) + size)

    def _distance(self, precision: Tensor, values: Tensor) -> Tensor:
        """Return the squares that weights leave, in units of the noise ``[task, node]``."""
        taken = (precision.unsqueeze(1) * self.pull.unsqueeze(1)).square() / values
        return precision * self.square.unsqueeze(1) - taken.sum(-1)

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
    points = torch.linspace(*_ends(shape), NODES, dtype=torch.float64)
    weights = (shape * (points - points.exp())).log_softmax(0)
    return points.exp().to(device, dtype), weights.to(device, dtype)


def _ends(shape: float) -> tuple[float, float]:
    """Return the first and the last logarithm of a precision, six deviations from the middle."""
    exact = torch.tensor(shape, dtype=torch.float64)
    reach = 6 * math.sqrt(float(torch.polygamma(1, exact)))
    centre = float(torch.digamma(exact)) - math.log(shape)
    return centre - reach, centre + reach


def triangular(factor: Tensor) -> Tensor:
    """Give the lower triangular factor of a covariance, of which any factor is given.

    It is ``L`` with ``L Lᵀ = F Fᵀ``, and its diagonal is not negative.

    Args:
        factor: ``F`` ``[feature, other]``; it may lack directions.
    """
    upper = torch.linalg.qr(factor.T, mode="r").R
    signed = upper * _signs(upper.diagonal()).unsqueeze(1)
    return signed.T.contiguous()


def _signs(values: Tensor) -> Tensor:
    """Return −1 for negative values, else 1."""
    return 1 - 2 * (values < 0).to(values.dtype)


__all__ = ["NODES", "Prior", "Spread", "gamma_nodes", "triangular"]
