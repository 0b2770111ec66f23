"""Learn how far the levels of several groupings spread, crossed or nested."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from quickstudy.errors import require
from quickstudy.learners.mixed_equations import Design, Grouping, Solution, Sums, solve

LEAST_LOG, MOST_LOG = -9.0, 9.0
"""Bounds of the logarithm of a spread, in units of the noise: below, it counts as none."""


@dataclass(frozen=True)
class Factor:
    """Say which entries of ``Λ`` of a grouping are free.

    Attributes:
        width: The number of effects of a level.
        correlated: Whether effects of a level may be correlated: ``Λ`` is lower triangular, not
            diagonal.
    """

    width: int
    correlated: bool = False

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the free entries, the diagonal first."""
        diagonal = np.arange(self.width)
        below = np.tril_indices(self.width, -1) if self.correlated else (diagonal[:0],) * 2
        return np.concatenate([diagonal, below[0]]), np.concatenate([diagonal, below[1]])

    @property
    def size(self) -> int:
        """The number of free entries."""
        return len(self.places[0])

    def matrix(self, values: np.ndarray) -> np.ndarray:
        """Make ``Λ`` of its free entries, of which the diagonal is given by its logarithms."""
        found = np.zeros((self.width, self.width))
        found[self.places] = np.concatenate([np.exp(values[: self.width]), values[self.width :]])
        return found

    def gradient(self, factor: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Turn a derivative by ``Λ`` into one by its free entries."""
        found: np.ndarray = slope[self.places].copy()
        found[: self.width] *= np.diag(factor)
        return found

    @property
    def bounds(self) -> list[tuple[float | None, float | None]]:
        """The bounds of the free entries."""
        return [(LEAST_LOG, MOST_LOG)] * self.width + [(None, None)] * (self.size - self.width)


@dataclass(frozen=True)
class CrossedEffects:
    """Predict rows by what all share and by the effects of the levels that they belong to.

    ``y = φ(x) β + Σ_g z_g(x) b_{g, level} + ε``, ``b_{g, level} ~ N(0, Σ_g)``, ``ε ~ N(0, σ²)``.

    Attributes:
        solution: The posterior of all effects.
        y: The targets of the rows that are known ``[row]``.
        num_free: How many entries of the covariances were estimated.
    """

    solution: Solution
    y: np.ndarray
    num_free: int

    @classmethod
    def fit(
        cls, design: Design, y: np.ndarray, correlated: Sequence[bool] | None = None
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
        rows, features = design.fixed.shape
        require(
            rows > features,
            f"A mixed model should have more rows than features. Found {rows} rows and "
            f"{features} features.",
        )
        free = _factors(design, correlated)
        sums = Sums.of(design, y)
        start = np.concatenate([_start(factor) for factor in free])
        bounds = [bound for factor in free for bound in factor.bounds]
        found = optimize.minimize(
            _deviance, start, (sums, free), "L-BFGS-B", jac=True, bounds=bounds
        )
        return cls(solve(sums, _matrices(found.x, free)), y, len(start))

    @property
    def criterion(self) -> float:
        """Akaike's criterion by the restricted likelihood: less is better."""
        return self.solution.deviance + 2 * self.num_free

    @property
    def covariances(self) -> tuple[np.ndarray, ...]:
        """``Σ_g`` of every grouping ``[effect, effect]``."""
        return tuple(self.solution.noise * f @ f.T for f in self.solution.factors)

    def given(self, design: Design, y: np.ndarray) -> "CrossedEffects":
        """Add rows, also of new levels, at the same covariances.

        Args:
            design: The further rows; its groupings may have more levels than those that are known.
            y: Their targets ``[row]``.
        """
        known = self.solution.sums.design
        joined = tuple(map(_joined, known.groupings, design.groupings))
        fixed = np.concatenate([known.fixed, design.fixed])
        targets = np.concatenate([self.y, y])
        sums = Sums.of(Design(fixed, joined), targets)
        return CrossedEffects(solve(sums, self.solution.factors), targets, self.num_free)

    def predict(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        """Give the mean and the variance of new rows, noise included ``[row]`` each."""
        mean, variance = self.solution.predict(design)
        return mean, variance + self.solution.noise


def _factors(design: Design, correlated: Sequence[bool] | None) -> list[Factor]:
    """Say the free entries of every grouping."""
    asked = [False] * len(design.groupings) if correlated is None else correlated
    return [Factor(g.width, each) for g, each in zip(design.groupings, asked, strict=True)]


def _start(factor: Factor) -> np.ndarray:
    """Give spreads half as large as the noise."""
    found = np.zeros(factor.size)
    found[: factor.width] = np.log(0.5)
    return found


def _matrices(values: np.ndarray, free: Sequence[Factor]) -> list[np.ndarray]:
    """Make ``Λ`` of every grouping."""
    ends = np.cumsum([factor.size for factor in free])[:-1]
    return [f.matrix(part) for f, part in zip(free, np.split(values, ends), strict=True)]


def _deviance(values: np.ndarray, sums: Sums, free: Sequence[Factor]) -> tuple[float, np.ndarray]:
    """Give the deviance and its gradient."""
    solution = solve(sums, _matrices(values, free))
    slopes = [
        factor.gradient(solution.factors[index], solution.slope(index))
        for index, factor in enumerate(free)
    ]
    return float(solution.deviance), np.concatenate(slopes)


def _joined(known: Grouping, further: Grouping) -> Grouping:
    """Put the rows of two groupings with the same levels one after the other."""
    return Grouping(
        np.concatenate([known.level, further.level]),
        max(known.num_levels, further.num_levels),
        np.concatenate([known.effects, further.effects]),
    )


def independent(columns: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
    """Find columns of ``[row, column]`` that span all of them: their places, in order.

    A column that is nearly a combination of earlier pivots is left out.
    """
    if not columns.size:
        return np.arange(0)
    scale = np.sqrt(np.square(columns).sum(0))
    scaled = columns / np.where(scale > 0, scale, 1.0)
    _, upper, pivots = linalg.qr(scaled, mode="economic", pivoting=True)
    rank = int((np.abs(np.diag(upper)) > tolerance).sum())
    return np.sort(pivots[:rank])


__all__ = ["CrossedEffects", "independent"]
