"""Learn how far the levels of several groupings spread, crossed or nested."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from quickstudy.errors import require
from quickstudy.learners.mixed_design import Array, Design, Sums
from quickstudy.learners.mixed_equations import SolvedEffects, solve_effects

LEAST_LOG, MOST_LOG = -9.0, 9.0
"""Bounds of the logarithm of a spread in units of the noise; the lower one counts as no spread."""
Bounds = tuple[float | None, float | None]
OF_LOG: Bounds = (LEAST_LOG, MOST_LOG)
NO_BOUNDS: Bounds = (None, None)


@dataclass(frozen=True)
class Factor:
    """Say which entries of the factor of a grouping's covariance are free.

    The covariance of the effects of a level is ``σ² Λ Λᵀ``.

    Attributes:
        width: The number of effects of a level.
        correlated: Whether effects of a level may be correlated: ``Λ`` is lower triangular, not
            diagonal.
    """

    width: int
    correlated: bool = False

    @property
    def places(self) -> tuple[Array, Array]:
        """Return rows and columns of the free entries, the diagonal first."""
        diagonal = np.arange(self.width)
        rows, columns = self._below()
        return np.concatenate([diagonal, rows]), np.concatenate([diagonal, columns])

    def _below(self) -> tuple[Array, Array]:
        """Return rows and columns of the free entries below the diagonal."""
        if self.correlated:
            return np.tril_indices(self.width, -1)
        return np.arange(0), np.arange(0)

    @property
    def size(self) -> int:
        """Return the number of free entries."""
        return len(self.places[0])

    def matrix(self, values: Array) -> Array:
        """Make ``Λ`` of its free entries; the diagonal is given as logarithms."""
        found = np.zeros((self.width, self.width))
        found[self.places] = self._entries(values)
        return found

    def _entries(self, values: Array) -> Array:
        """Return the free entries, logarithms resolved."""
        diagonal, below = np.split(values, [self.width])
        return np.concatenate([np.exp(diagonal), below])

    def gradient(self, factor: Array, slope: Array) -> Array:
        """Turn a derivative by ``Λ`` into one by its free entries."""
        found = np.array(slope[self.places])
        found[: self.width] *= np.diag(factor)
        return found

    @property
    def start(self) -> Array:
        """Return the entries of spreads half as large as the noise."""
        found = np.zeros(self.size)
        found[: self.width] = np.log(0.5)
        return found

    @property
    def bounds(self) -> list[Bounds]:
        """Return the bounds of the free entries."""
        return [OF_LOG] * self.width + [NO_BOUNDS] * (self.size - self.width)


@dataclass(frozen=True)
class Factors:
    """Hold the factors of all groupings, whose free entries are one vector.

    Attributes:
        each: The factor of every grouping.
    """

    each: tuple[Factor, ...]

    @property
    def start(self) -> Array:
        """Return the entries of spreads half as large as the noise."""
        return np.concatenate([factor.start for factor in self.each])

    @property
    def bounds(self) -> list[Bounds]:
        """Return the bounds of the free entries."""
        return [bounds for factor in self.each for bounds in factor.bounds]

    def matrices(self, values: Array) -> list[Array]:
        """Make ``Λ`` of every grouping."""
        pairs = zip(self.each, self._split(values), strict=True)
        return [factor.matrix(own) for factor, own in pairs]

    def _split(self, values: Array) -> list[Array]:
        """Take the free entries of all groupings apart."""
        ends = np.cumsum([factor.size for factor in self.each])
        return np.split(values, ends[:-1])

    def gradient(self, solution: SolvedEffects) -> Array:
        """Give the gradient of the deviance by the free entries."""
        groups = enumerate(zip(self.each, solution.factors, strict=True))
        slopes = [own.gradient(value, solution.slope(index)) for index, (own, value) in groups]
        return np.concatenate(slopes)


@dataclass(frozen=True)
class CrossedEffects:
    """Predict rows by shared coefficients and by the effects of the levels that they belong to.

    ``y = φ(x) β + Σ_g z_g(x) b_{g, level} + ε``, ``b_{g, level} ~ N(0, Σ_g)``, ``ε ~ N(0, σ²)``.

    Attributes:
        solution: The posterior of all effects.
        y: The targets of the rows that are known ``[row]``.
        num_free: The number of covariance entries that were estimated.
    """

    solution: SolvedEffects
    y: Array
    num_free: int

    @classmethod
    def fit(
        cls, design: Design, y: Array, correlated: Sequence[bool] | None = None
    ) -> "CrossedEffects":
        """Find the covariances that maximise the restricted likelihood.

        ``β`` has a flat prior and is integrated out, ``σ²`` is profiled, and the deviance is
        minimised by L-BFGS with its exact gradient.

        Args:
            design: The rows.
            y: Their targets ``[row]``.
            correlated: For every grouping, whether effects of a level may be correlated.

        Raises:
            UserError: If there are no more rows than fixed effects, or too many levels.

        Source: Patterson & Thompson 1971 for the restricted likelihood; Bates, Mächler, Bolker &
            Walker 2015, eq. 41, for its profile.
        """
        _check_rows(design)
        free, sums = _factors(design, correlated), Sums.of(design, y)
        found = _least_deviance(sums, free)
        return cls(solve_effects(sums, free.matrices(found)), y, len(found))

    @property
    def criterion(self) -> float:
        """Return Akaike's criterion by the restricted likelihood: less is better."""
        return self.solution.deviance + 2 * self.num_free

    @property
    def covariances(self) -> tuple[Array, ...]:
        """Return the covariance of every grouping ``[effect, effect]``."""
        return tuple(self.solution.noise * f @ f.T for f in self.solution.factors)

    def given(self, design: Design, y: Array) -> "CrossedEffects":
        """Add rows, also of new levels, at the same covariances.

        Args:
            design: The further rows; its groupings may have levels that are not known yet.
            y: Their targets ``[row]``.
        """
        joined, targets = self.solution.sums.design.joined(design), np.concatenate([self.y, y])
        solution = solve_effects(Sums.of(joined, targets), self.solution.factors)
        return CrossedEffects(solution, targets, self.num_free)

    def predict(self, design: Design) -> tuple[Array, Array]:
        """Give the mean and the variance of new rows, noise included ``[row]`` each."""
        mean, variance = self.solution.predict(design)
        return mean, variance + self.solution.noise


def _check_rows(design: Design) -> None:
    """Raise if there are no more rows than features."""
    rows, features = design.fixed.shape
    require(
        rows > features,
        f"A mixed model should have more rows than features. Found {rows} rows and "
        f"{features} features.",
    )


def _least_deviance(sums: Sums, free: Factors) -> Array:
    """Find the free entries of all groupings that minimise the deviance."""
    found = optimize.minimize(
        _deviance, free.start, (sums, free), "L-BFGS-B", jac=True, bounds=free.bounds
    )
    least: Array = found.x
    return least


def _factors(design: Design, correlated: Sequence[bool] | None) -> Factors:
    """Say the free entries of every grouping."""
    asked = [False] * len(design.groupings) if correlated is None else correlated
    pairs = zip(design.groupings, asked, strict=True)
    return Factors(tuple(Factor(grouping.width, each) for grouping, each in pairs))


def _deviance(values: Array, sums: Sums, free: Factors) -> tuple[float, Array]:
    """Give the deviance and its gradient."""
    solution = solve_effects(sums, free.matrices(values))
    return float(solution.deviance), free.gradient(solution)


def independent(columns: Array, tolerance: float = 1e-9) -> Array:
    """Find columns of ``[row, column]`` that span all of them: their places, in order.

    A column that is nearly a combination of earlier pivots is left out.
    """
    if not columns.size:
        return np.arange(0)
    _, upper, pivots = linalg.qr(_of_length_one(columns), mode="economic", pivoting=True)
    return np.sort(pivots[: _rank(upper, tolerance)])


def _rank(upper: Array, tolerance: float) -> int:
    """Count the pivots on the diagonal of ``upper`` that are more than rounding errors."""
    return int((np.abs(np.diag(upper)) > tolerance).sum())


def _of_length_one(columns: Array) -> Array:
    """Scale all columns to length 1, but zeros."""
    scale = np.sqrt(np.square(columns).sum(0))
    return columns / np.where(scale > 0, scale, 1.0)


__all__ = ["CrossedEffects", "independent"]
