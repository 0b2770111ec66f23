"""The structures of a covariance of weights, each with the objective that its fit climbs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from quickstudy.learners.priors.evidence import Evidence
from quickstudy.learners.priors.moments import Moments

WIDTH = 10.0
"""The scale of the half-Cauchy prior over relative standard deviations."""
RIDGE_DEVIATION = 5.0
"""The standard deviation of the prior over the logarithm of the ridge of the mean."""


@dataclass(frozen=True, eq=False)
class Structure(ABC):
    """Map parameters to a relative covariance, and judge it.

    The parameters are one vector ``[parameter]``. The last is ``log ρ``, the ridge of the mean,
    with the prior ``N(0, 5²)``.

    Attributes:
        moments: The sums over the tasks' rows, in scaled coordinates.
        active: The features whose weights differ between tasks ``[slope]``.
    """

    moments: Moments
    active: Tensor

    @abstractmethod
    def evidence(self, at: Tensor) -> Evidence:
        """Give the evidence at the parameters ``at``."""

    @abstractmethod
    def log_prior(self, at: Tensor) -> tuple[float, Tensor]:
        """Give the log prior density but for a constant, and its gradient, without ``log ρ``."""

    @abstractmethod
    def pulled_back(self, evidence: Evidence, at: Tensor) -> Tensor:
        """Give the gradient of the log evidence by the parameters, without ``log ρ``."""

    def __call__(self, at: Tensor) -> tuple[float, Tensor]:
        """Give the objective, log evidence and log prior density, and its gradient."""
        evidence = self.evidence(at)
        density, slope = self.log_prior(at)
        value = evidence.value + density - 0.5 * (float(at[-1]) / RIDGE_DEVIATION) ** 2
        by_structure = self.pulled_back(evidence, at) + slope
        return value, torch.cat([by_structure, _ridge_slope(evidence, at)])


def _ridge_slope(evidence: Evidence, at: Tensor) -> Tensor:
    """Give the derivative of the objective by the logarithm of the ridge ``[1]``."""
    of_prior = float(at[-1]) / RIDGE_DEVIATION**2
    return at.new_tensor([evidence.ridge_slope - of_prior])


@dataclass(frozen=True, eq=False)
class Independent(Structure):
    """Let weights of features be independent."""

    @abstractmethod
    def deviations(self, at: Tensor) -> Tensor:
        """Give the relative standard deviations ``[slope]``; a sign has no meaning."""

    def evidence(self, at: Tensor) -> Evidence:
        """Give the evidence at the parameters ``at``."""
        return Evidence(self.moments, self.active, torch.diag(self.deviations(at)), float(at[-1]))


@dataclass(frozen=True, eq=False)
class Tied(Independent):
    """Let weights of features be independent, with tied or different standard deviations.

    ``Λ = diag(E θ)`` with a half-Cauchy prior over every ``θ``: ``−log(1 + (θ / width)²)``.

    Attributes:
        ties: ``E``, which parameter is whose standard deviation, zeros and ones
            ``[slope, parameter]``.
        width: The scale of the prior; infinite for none.
    """

    ties: Tensor
    width: float = WIDTH

    def deviations(self, at: Tensor) -> Tensor:
        """Give the relative standard deviations ``[slope]``; a sign has no meaning."""
        return self.ties @ at[:-1]

    def log_prior(self, at: Tensor) -> tuple[float, Tensor]:
        """Give the log density of the half-Cauchy prior, and its gradient."""
        own = at[:-1] / self.width
        return -float(own.square().log1p().sum()), -2 * own / (1 + own.square()) / self.width

    def pulled_back(self, evidence: Evidence, at: Tensor) -> Tensor:
        """Give the gradient by ``θ``."""
        return self.ties.T @ evidence.slope.diagonal()


@dataclass(frozen=True, eq=False)
class Similar(Independent):
    """Let weights of features be independent, with standard deviations of about one size.

    ``Λ = diag(exp θ)`` with the prior ``θ_j ~ N(ψ, 1)`` and ``ψ`` at its maximum. The intercept,
    which is the last of the features, has a flat prior. The parameters are ``θ, ψ, log ρ``.
    """

    def deviations(self, at: Tensor) -> Tensor:
        """Give the relative standard deviations ``[slope]``."""
        return at[:-2].exp()

    def log_prior(self, at: Tensor) -> tuple[float, Tensor]:
        """Give the log density of the log-normal prior, and its gradient."""
        away = at[:-3] - at[-2]
        slope = torch.cat([-away, at.new_zeros(1), away.sum().reshape(1)])
        return -0.5 * float(away.square().sum()), slope

    def pulled_back(self, evidence: Evidence, at: Tensor) -> Tensor:
        """Give the gradient by ``θ`` and ``ψ``."""
        by_deviation = evidence.slope.diagonal() * self.deviations(at)
        return torch.cat([by_deviation, at.new_zeros(1)])


@dataclass(frozen=True, eq=False)
class Full(Structure):
    """Let weights covary, around independent ones.

    ``Λ = D K`` with ``D`` diagonal and fixed, ``K`` lower triangular; its diagonal is kept as
    logarithms. ``S = K Kᵀ`` has an inverse-Wishart prior with its mode at the identity, worth
    ``κ`` tasks: ``−κ/2 [log det S + tr S⁻¹]``.

    Attributes:
        deviations: The diagonal of ``D`` ``[slope]``.
        worth: ``κ``.
    """

    deviations: Tensor
    worth: float

    @cached_property
    def places(self) -> tuple[Tensor, Tensor]:
        """The rows and the columns of the entries of ``K`` in the parameters."""
        rows, columns = torch.tril_indices(len(self.active), len(self.active))
        return rows, columns

    @cached_property
    def diagonal(self) -> Tensor:
        """Which parameters are logarithms of the diagonal (true or false)."""
        rows, columns = self.places
        return rows == columns

    @property
    def start(self) -> Tensor:
        """The entries of the identity."""
        return self.deviations.new_zeros(len(self.diagonal))

    def relative(self, at: Tensor) -> Tensor:
        """Give ``K`` ``[slope, slope]``."""
        factor = at.new_zeros(len(self.active), len(self.active))
        factor[self.places] = torch.where(self.diagonal, at[:-1].exp(), at[:-1])
        return factor

    def evidence(self, at: Tensor) -> Evidence:
        """Give the evidence at the parameters ``at``."""
        factor = self.deviations.unsqueeze(1) * self.relative(at)
        return Evidence(self.moments, self.active, factor, float(at[-1]))

    def log_prior(self, at: Tensor) -> tuple[float, Tensor]:
        """Give the log density of the inverse-Wishart prior, and its gradient."""
        factor = self.relative(at)
        inverse = torch.linalg.inv(factor)
        slope = self._by_parameter(self._slope(inverse), factor)
        return self._log_density(factor, inverse), slope

    def _log_density(self, factor: Tensor, inverse: Tensor) -> float:
        """Return the log density of the inverse-Wishart prior at ``K`` with its inverse."""
        logarithms = factor.diagonal().log().sum()
        return float(-0.5 * self.worth * (2 * logarithms + inverse.square().sum()))

    def _slope(self, inverse: Tensor) -> Tensor:
        """Return the derivative of the log density by ``K`` ``[slope, slope]``."""
        diagonal = torch.diag(inverse.diagonal())
        return self.worth * (inverse.T @ inverse @ inverse.T - diagonal)

    def pulled_back(self, evidence: Evidence, at: Tensor) -> Tensor:
        """Give the gradient by the entries of ``K``."""
        slope = self.deviations.unsqueeze(1) * evidence.slope
        return self._by_parameter(slope, self.relative(at))

    def _by_parameter(self, slope: Tensor, factor: Tensor) -> Tensor:
        """Turn a gradient by ``K`` into one by its parameters."""
        by_entry = slope[self.places]
        return torch.where(self.diagonal, by_entry * factor[self.places], by_entry)


__all__ = ["Full", "Independent", "Similar", "Structure", "Tied"]
