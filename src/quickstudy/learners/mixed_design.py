"""The rows of a mixed model, and the sums over them that its equations need."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.sparse import csr_matrix

from quickstudy.errors import require

Array = np.ndarray
MOST_DENSE = 8000
"""The most effects of all groupings but the largest together, which form one dense matrix."""


@dataclass(frozen=True)
class Grouping:
    """Hold the levels that rows belong to, and the effects that a level has.

    Attributes:
        level: The level of every row ``[row]``, −1 if it is not known.
        num_levels: The number of levels.
        effects: The factors of a level's effects ``[row, effect]``: a column of ones for an
            intercept, further columns for slopes.
    """

    level: Array
    num_levels: int
    effects: Array

    @property
    def width(self) -> int:
        """Return the number of effects of a level."""
        return int(self.effects.shape[1])

    @property
    def size(self) -> int:
        """Return the number of effects of all levels."""
        return self.num_levels * self.width

    @cached_property
    def matrix(self) -> csr_matrix:
        """Return the effects of every row, spread over the levels.

        Its shape is ``[row, effect of a level]``.
        """
        entries = (self.effects[self.known].ravel(), self._places())
        return csr_matrix(entries, shape=(len(self.level), self.size))

    @property
    def known(self) -> Array:
        """Return the places of the rows whose level is known."""
        return np.flatnonzero(self.level >= 0)

    def whitened(self, factor: Array, num_levels: int) -> csr_matrix:
        """Return the columns that whitened effects of ``num_levels`` levels are multiplied with.

        The effects are ``b = Λ u`` with ``Λ`` the ``factor``.
        """
        return self.matrix @ once_a_level(factor, num_levels)

    def spread_of_unknown(self, factor: Array) -> Array:
        """Return the variance of a row's effects if its level is not known, else 0 ``[row]``."""
        spread = np.square(self.effects @ factor).sum(1)
        return np.where(self.level < 0, spread, 0.0)

    def once_a_level(self, factor: Array) -> csr_matrix:
        """Return ``factor`` once for every level, block-diagonal."""
        return once_a_level(factor, self.num_levels)

    def joined(self, further: "Grouping") -> "Grouping":
        """Put the rows of a grouping with the same levels, or more, after these rows."""
        return Grouping(
            np.concatenate([self.level, further.level]),
            max(self.num_levels, further.num_levels),
            np.concatenate([self.effects, further.effects]),
        )

    def _places(self) -> tuple[Array, Array]:
        """Return row and column of every entry of the matrix."""
        return np.repeat(self.known, self.width), self._columns().ravel()

    def _columns(self) -> Array:
        """Return the columns of the effects of rows whose level is known ``[row, effect]``."""
        first = self.level[self.known, None] * self.width
        return first + np.arange(self.width)


@dataclass(frozen=True)
class Design:
    """Hold the rows of a mixed model.

    The model is ``y = X β + Σ_g Z_g b_g + ε``.

    Attributes:
        fixed: ``X`` ``[row, feature]``; its columns should be independent.
        groupings: One for every ``Z_g``.
    """

    fixed: Array
    groupings: tuple[Grouping, ...]

    @property
    def largest(self) -> int:
        """Return the place of the grouping of the most effects, which is eliminated first."""
        return int(np.argmax([grouping.size for grouping in self.groupings]))

    @property
    def others(self) -> list[int]:
        """Return the places of all other groupings."""
        return [index for index in range(len(self.groupings)) if index != self.largest]

    @property
    def sizes_of_others(self) -> list[int]:
        """Return the number of effects of every other grouping."""
        return [self.groupings[index].size for index in self.others]

    def joined(self, further: "Design") -> "Design":
        """Put the rows of a design with the same groupings after these rows."""
        fixed = np.concatenate([self.fixed, further.fixed])
        return Design(fixed, tuple(map(Grouping.joined, self.groupings, further.groupings)))

    def dense_part(self) -> csr_matrix:
        """Return the columns of all other groupings, then ``X``."""
        return self.before_fixed([self.groupings[index].matrix for index in self.others])

    def before_fixed(self, columns: list[csr_matrix]) -> csr_matrix:
        """Put the columns of groupings before ``X``."""
        return sparse.hstack([*columns, csr_matrix(self.fixed)], format="csr")


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
        num_rows: The number of rows.
    """

    design: Design
    within: Array
    between: csr_matrix
    dense: Array
    within_y: Array
    dense_y: Array
    square: float
    num_rows: int

    @classmethod
    def of(cls, design: Design, y: Array) -> "Sums":
        """Sum up the rows of ``design`` with the targets ``y`` ``[row]``.

        Raises:
            UserError: If all groupings but the largest have too many levels for a dense matrix.
        """
        main, columns = design.groupings[design.largest], design.dense_part()
        _check_dense(columns.shape[1])
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


def _check_dense(effects: int) -> None:
    """Raise if the groupings but the largest have too many ``effects``."""
    require(
        effects <= MOST_DENSE,
        f"All groupings but the largest should have at most {MOST_DENSE} effects together. "
        f"Found {effects}.",
    )


def _blocks(grouping: Grouping) -> Array:
    """Sum the products of effects of every level ``[level, effect, effect]``."""
    known, width = grouping.known, grouping.width
    found = np.zeros((grouping.num_levels, width, width))
    np.add.at(found, grouping.level[known], _products(grouping.effects)[known])
    return found


def _products(effects: Array) -> Array:
    """Multiply the effects of every row pair by pair ``[row, effect, effect]``."""
    return effects[:, :, None] * effects[:, None, :]


def once_a_level(factor: Array, num_levels: int) -> csr_matrix:
    """Return ``factor`` once for every level, block-diagonal."""
    return sparse.kron(sparse.identity(num_levels), factor, format="csr")


__all__ = ["Array", "Design", "Grouping", "Sums", "once_a_level"]
