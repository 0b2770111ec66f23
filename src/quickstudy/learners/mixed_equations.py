"""Solve the equations of a mixed model whose rows belong to levels of several groupings."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy import linalg, sparse

from quickstudy.errors import require

MOST_DENSE = 8000
"""Levels, times effects a level, of all groupings but the largest: they are one dense matrix."""

ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Grouping:
    """Hold the levels that rows belong to, and the effects that a level has.

    Attributes:
        level: The level of every row ``[row]``, −1 for one that is not known.
        num_levels: How many levels there are.
        effects: What a level's effects are multiplied with ``[row, effect]``: a column of ones for
            an intercept, further columns for slopes.
    """

    level: np.ndarray
    num_levels: int
    effects: np.ndarray

    @property
    def width(self) -> int:
        """The number of effects of a level."""
        return int(self.effects.shape[1])

    @property
    def size(self) -> int:
        """The number of effects of all levels."""
        return self.num_levels * self.width

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """The effects of every row, spread over the levels ``[row, level · effect]``."""
        known = np.flatnonzero(self.level >= 0)
        columns = self.level[known, None] * self.width + np.arange(self.width)
        rows = np.repeat(known, self.width)
        entries = (self.effects[known].ravel(), (rows, columns.ravel()))
        return sparse.csr_matrix(entries, shape=(len(self.level), self.size))


@dataclass(frozen=True)
class Design:
    """Hold the rows of a mixed model ``y = X β + Σ_g Z_g b_g + ε``.

    Attributes:
        fixed: ``X`` ``[row, feature]``; its columns should be independent.
        groupings: One for every ``Z_g``.
    """

    fixed: np.ndarray
    groupings: tuple[Grouping, ...]

    @property
    def largest(self) -> int:
        """The place of the grouping of the most effects, which is eliminated first."""
        return int(np.argmax([grouping.size for grouping in self.groupings]))

    @property
    def others(self) -> list[int]:
        """The places of all other groupings."""
        return [index for index in range(len(self.groupings)) if index != self.largest]

    def dense_part(self) -> sparse.csr_matrix:
        """The columns of all other groupings, then ``X``."""
        parts = [self.groupings[index].matrix for index in self.others]
        return sparse.hstack([*parts, sparse.csr_matrix(self.fixed)], format="csr")


@dataclass(frozen=True)
class Sums:
    """Hold the sums of products over the rows, which are all that the equations need.

    The effects of the largest grouping are ``A``; all others and ``X`` are ``D``.

    Attributes:
        design: The rows.
        within: ``AᵀA`` ``[level, effect, effect]``; levels share no row, so it has no other blocks.
        between: ``AᵀD``, sparse.
        dense: ``DᵀD``.
        within_y: ``Aᵀy``.
        dense_y: ``Dᵀy``.
        square: ``yᵀy``.
        num_rows: How many rows there are.
    """

    design: Design
    within: np.ndarray
    between: sparse.csr_matrix
    dense: np.ndarray
    within_y: np.ndarray
    dense_y: np.ndarray
    square: float
    num_rows: int

    @classmethod
    def of(cls, design: Design, y: np.ndarray) -> "Sums":
        """Sum up the rows of ``design`` with the targets ``y`` ``[row]``.

        Raises:
            UserError: If all groupings but the largest have too many levels for a dense matrix.
        """
        main, columns = design.groupings[design.largest], design.dense_part()
        require(
            columns.shape[1] <= MOST_DENSE,
            "All groupings but the largest should have at most "
            f"{MOST_DENSE} effects together. Found {columns.shape[1]}.",
        )
        return cls(
            design,
            _blocks(main),
            (main.matrix.T @ columns).tocsr(),
            (columns.T @ columns).toarray(),
            main.matrix.T @ y,
            columns.T @ y,
            float(y @ y),
            len(y),
        )


def _blocks(grouping: Grouping) -> np.ndarray:
    """Sum the products of effects of every level ``[level, effect, effect]``."""
    products = grouping.effects[:, :, None] * grouping.effects[:, None, :]
    known = grouping.level >= 0
    found = np.zeros((grouping.num_levels, grouping.width, grouping.width))
    np.add.at(found, grouping.level[known], products[known])
    return found


@dataclass(frozen=True)
class Solution:
    """Hold the effects that solve the equations at given covariances, and their uncertainty.

    The effects of a level are ``b = Λ_g u`` with ``u ~ N(0, σ² I)``. The solution minimises
    ``‖y − Σ_g Z_g Λ_g u_g − X β‖² + Σ_g ‖u_g‖²``, Henderson's equations.

    Attributes:
        sums: The rows.
        factors: ``Λ_g`` of every grouping ``[effect, effect]``, lower triangular.
        inverse: ``(Λᵀ AᵀA Λ + I)⁻¹`` of every level of the largest grouping.
        link: That inverse times ``Λᵀ AᵀD``, sparse.
        root: The lower Cholesky factor of the equations of ``D``, all of ``A`` eliminated.
        main: ``u`` of the largest grouping ``[level, effect]``.
        dense: ``u`` of the other groupings, then ``β``.
        square: The minimum.
        log_determinant: Of all equations.
    """

    sums: Sums
    factors: tuple[np.ndarray, ...]
    inverse: np.ndarray
    link: sparse.csr_matrix
    root: np.ndarray
    main: np.ndarray
    dense: np.ndarray
    square: float
    log_determinant: float

    @property
    def freedom(self) -> int:
        """The number of rows beyond the fixed effects."""
        return self.sums.num_rows - self.sums.design.fixed.shape[1]

    @property
    def noise(self) -> float:
        """``σ²`` that maximises the restricted likelihood."""
        return max(self.square / self.freedom, 1e-300)

    @property
    def deviance(self) -> float:
        """Minus twice the restricted log likelihood, ``σ²`` profiled.

        ``log|H| + (n − p) (1 + log(2π σ²))``
        """
        return self.log_determinant + self.freedom * (1 + np.log(2 * np.pi * self.noise))

    @cached_property
    def dense_inverse(self) -> np.ndarray:
        """The covariance of the effects of ``D``, in units of ``σ²``."""
        found: np.ndarray = linalg.cho_solve((self.root, True), np.eye(len(self.root)))
        return found

    def slices(self) -> list[slice]:
        """The places of every other grouping among the effects of ``D``."""
        sizes = [self.sums.design.groupings[index].size for index in self.sums.design.others]
        ends = np.cumsum([0, *sizes])
        return [slice(first, last) for first, last in pairwise(ends)]

    def effects(self, grouping: int) -> np.ndarray:
        """The effects ``b`` of all levels of a grouping ``[level, effect]``."""
        return self._whitened(grouping) @ self.factors[grouping].T

    @property
    def coefficients(self) -> np.ndarray:
        """``β`` ``[feature]``."""
        return self.dense[len(self.dense) - self.sums.design.fixed.shape[1] :]

    def second_moment(self, grouping: int) -> np.ndarray:
        """``Σ_l E[u_l u_lᵀ] / σ²`` over the levels of a grouping ``[effect, effect]``."""
        u = self._whitened(grouping)
        return u.T @ u / self.noise + self._covariances(grouping)

    def slope(self, grouping: int) -> np.ndarray:
        """The derivative of the deviance by ``Λ_g`` ``[effect, effect]``.

        ``2 Λ⁻ᵀ (L I − Σ_l E[u_l u_lᵀ] / σ²)``, by Fisher's identity.
        """
        levels = self.sums.design.groupings[grouping].num_levels
        excess = levels * np.eye(len(self.factors[grouping])) - self.second_moment(grouping)
        found: np.ndarray = 2 * linalg.solve_triangular(
            self.factors[grouping], excess, lower=True, trans="T"
        )
        return found

    def _whitened(self, grouping: int) -> np.ndarray:
        """``u`` of all levels ``[level, effect]``."""
        design = self.sums.design
        if grouping == design.largest:
            return self.main
        place = self.slices()[design.others.index(grouping)]
        return self.dense[place].reshape(-1, design.groupings[grouping].width)

    def _covariances(self, grouping: int) -> np.ndarray:
        """The sum of the levels' covariances, in units of ``σ²`` ``[effect, effect]``."""
        design = self.sums.design
        width = design.groupings[grouping].width
        if grouping == design.largest:
            return self.inverse.sum(0) + self._through_dense(width)
        place = self.slices()[design.others.index(grouping)]
        block = self.dense_inverse[place, place]
        levels = block.reshape(len(block) // width, width, len(block) // width, width)
        return np.einsum("iaib->ab", levels)

    def _through_dense(self, width: int) -> np.ndarray:
        """What the uncertainty of ``D`` adds to the levels' covariances of the largest."""
        found = np.zeros((width, width))
        rows = self.link.shape[0]
        step = ROWS_AT_ONCE * width
        for first in range(0, rows, step):
            part = self.link[first : first + step]
            product = part @ self.dense_inverse
            for a in range(width):
                for b in range(width):
                    found[a, b] += part[a::width].multiply(product[b::width]).sum()
        return found

    def predict(self, design: Design) -> tuple[np.ndarray, np.ndarray]:
        """Give the mean and the variance, without noise, of the rows of ``design``.

        A level of −1 has effects of mean 0 and the covariance of its grouping.

        Returns:
            ``[row]`` each.
        """
        main = self.sums.design.largest
        own = design.groupings[main].matrix @ _spread(self.factors[main], self.main.shape[0])
        others = self._dense_columns(design)
        mean = own @ self.main.ravel() + others @ self.dense
        return mean, self.noise * (self._spread_of(own, others) + self._unknown(design))

    def _dense_columns(self, design: Design) -> sparse.csr_matrix:
        """The whitened columns of ``D`` of other rows."""
        parts = [
            design.groupings[index].matrix
            @ _spread(self.factors[index], self.sums.design.groupings[index].num_levels)
            for index in self.sums.design.others
        ]
        return sparse.hstack([*parts, sparse.csr_matrix(design.fixed)], format="csr")

    def _spread_of(self, own: sparse.csr_matrix, others: sparse.csr_matrix) -> np.ndarray:
        """``wᵀ H⁻¹ w`` of every row ``[row]``."""
        found = np.empty(own.shape[0])
        inverse = _diagonal_blocks(self.inverse)
        for first in range(0, len(found), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            rest = (others[part] - own[part] @ self.link).toarray()
            solved = linalg.solve_triangular(self.root, rest.T, lower=True)
            alone = own[part].multiply(own[part] @ inverse).sum(1)
            found[part] = np.asarray(alone).ravel() + np.square(solved).sum(0)
        return found

    def _unknown(self, design: Design) -> np.ndarray:
        """The variance of the effects of levels that are not known ``[row]``."""
        found = np.zeros(len(design.fixed))
        for factor, grouping in zip(self.factors, design.groupings, strict=True):
            spread = np.square(grouping.effects @ factor).sum(1)
            found += np.where(grouping.level < 0, spread, 0.0)
        return found


def solve(sums: Sums, factors: Sequence[np.ndarray]) -> Solution:
    """Solve the equations at the covariances ``σ² Λ_g Λ_gᵀ``.

    The levels of the largest grouping share no row, so their equations are eliminated block by
    block. A dense matrix of all other effects is left.

    Args:
        sums: The rows.
        factors: ``Λ_g`` of every grouping.

    Source: Henderson 1975; Bates, Mächler, Bolker & Walker 2015, section 3.
    """
    design = sums.design
    factor, levels = factors[design.largest], len(sums.within)
    blocks = factor.T @ sums.within @ factor + np.eye(len(factor))
    inverse = np.linalg.inv(blocks)
    scale = _dense_scale(design, factors)
    across = _spread(factor, levels).T @ sums.between @ scale
    link = (_diagonal_blocks(inverse) @ across).tocsr()
    within_y = (sums.within_y.reshape(levels, -1) @ factor).ravel()
    dense_y = scale.T @ sums.dense_y
    root = linalg.cholesky(_dense_equations(sums, scale) - (across.T @ link).toarray(), lower=True)
    dense = linalg.cho_solve((root, True), dense_y - link.T @ within_y)
    own = (within_y - across @ dense).reshape(levels, -1)
    main = np.einsum("lab,lb->la", inverse, own)
    square = sums.square - within_y @ main.ravel() - dense_y @ dense
    determinant = np.linalg.slogdet(blocks)[1].sum() + 2 * np.log(np.diag(root)).sum()
    return Solution(
        sums, tuple(factors), inverse, link, root, main, dense, float(square), float(determinant)
    )


def _dense_scale(design: Design, factors: Sequence[np.ndarray]) -> sparse.csr_matrix:
    """``Λ`` of every level of the other groupings, and ones for ``β``, block-diagonal."""
    parts = [_spread(factors[index], design.groupings[index].num_levels) for index in design.others]
    return sparse.block_diag([*parts, sparse.identity(design.fixed.shape[1])], format="csr")


def _dense_equations(sums: Sums, scale: sparse.csr_matrix) -> np.ndarray:
    """``DᵀD`` in whitened units, with the prior of all effects but ``β``."""
    found: np.ndarray = scale.T @ (scale.T @ sums.dense).T
    random = len(found) - sums.design.fixed.shape[1]
    found[np.arange(random), np.arange(random)] += 1
    return found


def _spread(factor: np.ndarray, levels: int) -> sparse.csr_matrix:
    """``Λ`` once for every level, block-diagonal."""
    return sparse.kron(sparse.identity(levels), factor, format="csr")


def _diagonal_blocks(blocks: np.ndarray) -> sparse.bsr_matrix:
    """Blocks ``[level, effect, effect]`` as one sparse matrix."""
    levels = len(blocks)
    return sparse.bsr_matrix((blocks, np.arange(levels), np.arange(levels + 1)))


__all__ = ["Design", "Grouping", "Solution", "Sums", "solve"]
