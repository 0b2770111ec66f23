"""Solve the equations of a mixed model whose rows belong to levels of several groupings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import csr_matrix

from quickstudy.learners.blocks import add_products, diagonal_blocks, sum_of_blocks
from quickstudy.learners.mixed_design import Array, Design, Grouping, Sums, once_a_level

ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class SolvedEffects:
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
    factors: tuple[Array, ...]
    inverse: Array
    link: csr_matrix
    root: Array
    main: Array
    dense: Array
    square: float
    log_determinant: float

    @property
    def freedom(self) -> int:
        """Return the number of rows beyond the fixed effects."""
        return self.sums.num_rows - self.sums.design.fixed.shape[1]

    @property
    def noise(self) -> float:
        """Return the variance of the noise that maximises the restricted likelihood: ``σ²``."""
        return max(self.square / self.freedom, 1e-300)

    @property
    def deviance(self) -> float:
        """Return minus twice the restricted log likelihood, ``σ²`` profiled.

        ``log|H| + (n − p) (1 + log(2π σ²))``
        """
        return self.log_determinant + self.freedom * (1 + np.log(2 * np.pi * self.noise))

    @cached_property
    def dense_inverse(self) -> Array:
        """Return the covariance of the effects of ``D``, in units of ``σ²``."""
        return _solved(self.root, np.eye(len(self.root)))

    def slices(self) -> list[slice]:
        """Return the places of every other grouping among the effects of ``D``."""
        design = self.sums.design
        ends = np.cumsum([0, *design.sizes_of_others])
        return [slice(first, last) for first, last in pairwise(ends)]

    def effects(self, grouping: int) -> Array:
        """Return the effects ``b`` of all levels of a grouping ``[level, effect]``."""
        return self._whitened(grouping) @ self.factors[grouping].T

    @property
    def coefficients(self) -> Array:
        """Return the fixed effects ``β`` ``[feature]``."""
        return self.dense[len(self.dense) - self.sums.design.fixed.shape[1] :]

    def second_moment(self, grouping: int) -> Array:
        """Return the second moment of the effects, summed over the levels of a grouping.

        It is ``Σ_l E[u_l u_lᵀ] / σ²`` ``[effect, effect]``.
        """
        u = self._whitened(grouping)
        return u.T @ u / self.noise + self._covariances(grouping)

    def slope(self, grouping: int) -> Array:
        """Return the derivative of the deviance by ``Λ_g`` ``[effect, effect]``.

        It is ``2 Λ⁻ᵀ (L I − Σ_l E[u_l u_lᵀ] / σ²)``, by Fisher's identity.
        """
        factor, excess = self.factors[grouping], self._excess(grouping)
        found: Array = 2 * linalg.solve_triangular(factor, excess, lower=True, trans="T")
        return found

    def _excess(self, grouping: int) -> Array:
        """Return the second moment's expectation, less the second moment itself."""
        levels = self.sums.design.groupings[grouping].num_levels
        return levels * np.eye(len(self.factors[grouping])) - self.second_moment(grouping)

    def _whitened(self, grouping: int) -> Array:
        """Return ``u`` of all levels ``[level, effect]``."""
        if grouping == self.sums.design.largest:
            return self.main
        width = len(self.factors[grouping])
        return self._dense_of(grouping).reshape(-1, width)

    def _dense_of(self, grouping: int) -> Array:
        """Return ``u`` of a grouping that is not the largest, level after level."""
        return self.dense[self._place(grouping)]

    def _place(self, grouping: int) -> slice:
        """Return the place of a grouping that is not the largest among the effects of ``D``."""
        return self.slices()[self.sums.design.others.index(grouping)]

    def _covariances(self, grouping: int) -> Array:
        """Return the sum of the levels' covariances, in units of ``σ²`` ``[effect, effect]``."""
        width = len(self.factors[grouping])
        if grouping == self.sums.design.largest:
            return self.inverse.sum(0) + self._through_dense(width)
        return sum_of_blocks(self._dense_covariance(grouping), width)

    def _dense_covariance(self, grouping: int) -> Array:
        """Return the covariance of all effects of a grouping that is not the largest."""
        place = self._place(grouping)
        return self.dense_inverse[place, place]

    def _through_dense(self, width: int) -> Array:
        """Return the covariances that the uncertainty of ``D`` adds to the largest grouping."""
        found = np.zeros((width, width))
        for rows in self._parts_of_link(ROWS_AT_ONCE * width):
            add_products(found, rows, rows @ self.dense_inverse)
        return found

    def _parts_of_link(self, size: int) -> Iterator[csr_matrix]:
        """Yield ``size`` rows of the link at a time."""
        return (self.link[part] for part in _parts(self.link.shape[0], size))

    def predict(self, design: Design) -> tuple[Array, Array]:
        """Give the mean and the variance, without noise, of the rows of ``design``.

        A level of −1 has effects of mean 0 and the covariance of its grouping.

        Returns:
            ``[row]`` each.
        """
        main = self.sums.design.largest
        own = design.groupings[main].whitened(self.factors[main], len(self.main))
        others = self._dense_columns(design)
        mean = own @ self.main.ravel() + others @ self.dense
        return mean, self.noise * (self._spread_of(own, others) + self._unknown(design))

    def _dense_columns(self, design: Design) -> csr_matrix:
        """Return the whitened columns of ``D`` of other rows."""
        known, factors = self.sums.design, self.factors
        return design.before_fixed(
            [
                design.groupings[index].whitened(factors[index], known.groupings[index].num_levels)
                for index in known.others
            ]
        )

    def _spread_of(self, own: csr_matrix, others: csr_matrix) -> Array:
        """Return the variance of every row, in units of the noise's ``σ²``.

        It is ``wᵀ H⁻¹ w`` ``[row]``.
        """
        found = np.empty(own.shape[0])
        for part in _parts(len(found), ROWS_AT_ONCE):
            found[part] = self._alone(own[part]) + self._rest(own[part], others[part])
        return found

    def _alone(self, own: csr_matrix) -> Array:
        """Return the variance of the largest grouping's effects, given all others ``[row]``."""
        products = own.multiply(own @ diagonal_blocks(self.inverse))
        return np.asarray(products.sum(1)).ravel()

    def _rest(self, own: csr_matrix, others: csr_matrix) -> Array:
        """Return the variance that the other effects add ``[row]``."""
        rest = (others - own @ self.link).toarray()
        solved = linalg.solve_triangular(self.root, rest.T, lower=True)
        return np.square(solved).sum(0)

    def _unknown(self, design: Design) -> Array:
        """Return the variance of the effects of levels that are not known ``[row]``."""
        found = np.zeros(len(design.fixed))
        for factor, grouping in zip(self.factors, design.groupings, strict=True):
            found += grouping.spread_of_unknown(factor)
        return found


def _solved(root: Array, right: Array) -> Array:
    """Solve equations by the lower Cholesky factor of their matrix."""
    found: Array = linalg.cho_solve((root, True), right)
    return found


def _parts(count: int, size: int) -> Iterator[slice]:
    """Yield slices of ``size`` of ``count`` rows."""
    return (slice(first, first + size) for first in range(0, count, size))


@dataclass(frozen=True)
class _Equations:
    """Hold the equations in whitened units: their effects are independent.

    Attributes:
        own: ``Λᵀ AᵀA Λ + I`` ``[level, effect, effect]``.
        across: ``Λᵀ AᵀD``, sparse.
        dense: ``DᵀD``, with the prior of all effects but ``β``.
        own_y: ``Λᵀ Aᵀy``.
        dense_y: ``Dᵀy``.
    """

    own: Array
    across: csr_matrix
    dense: Array
    own_y: Array
    dense_y: Array

    @classmethod
    def of(cls, sums: Sums, factors: Sequence[Array]) -> "_Equations":
        """Whiten the sums by the factors ``Λ_g`` of all groupings."""
        factor, scale = factors[sums.design.largest], _dense_scale(sums.design, factors)
        return cls(
            factor.T @ sums.within @ factor + np.eye(len(factor)),
            once_a_level(factor, len(sums.within)).T @ sums.between @ scale,
            _dense_equations(sums, scale),
            _whitened_y(sums, factor),
            scale.T @ sums.dense_y,
        )


@dataclass(frozen=True)
class _Elimination:
    """Hold the equations with the levels of the largest grouping eliminated.

    Attributes:
        equations: The equations before.
        inverse: The inverse of ``own`` of every level.
        link: That inverse times ``across``, sparse.
        root: The lower Cholesky factor of the equations that are left.
    """

    equations: _Equations
    inverse: Array
    link: csr_matrix
    root: Array

    @classmethod
    def of(cls, equations: _Equations) -> "_Elimination":
        """Eliminate the levels block by block."""
        inverse = np.linalg.inv(equations.own)
        link = (diagonal_blocks(inverse) @ equations.across).tocsr()
        left = equations.dense - (equations.across.T @ link).toarray()
        return cls(equations, inverse, link, linalg.cholesky(left, lower=True))

    def dense_effects(self) -> Array:
        """Solve the equations that are left."""
        y = self.equations.dense_y - self.link.T @ self.equations.own_y
        return _solved(self.root, y)

    def own_effects(self, dense: Array) -> Array:
        """Return the effects of the largest grouping ``[level, effect]``, given all others."""
        y = self.equations.own_y - self.equations.across @ dense
        return np.einsum("lab,lb->la", self.inverse, y.reshape(len(self.inverse), -1))

    def log_determinant(self) -> float:
        """Return the logarithm of the determinant of all equations."""
        of_levels = np.linalg.slogdet(self.equations.own)[1].sum()
        return float(of_levels + _log_determinant(self.root))


def solve_effects(sums: Sums, factors: Sequence[Array]) -> SolvedEffects:
    """Solve the equations at given covariances.

    They are ``σ² Λ_g Λ_gᵀ``.

    The levels of the largest grouping share no row, so their equations are eliminated block by
    block. A dense matrix of all other effects is left.

    Args:
        sums: The rows.
        factors: ``Λ_g`` of every grouping.

    Source: Henderson 1975; Bates, Mächler, Bolker & Walker 2015, section 3.
    """
    left = _Elimination.of(_Equations.of(sums, factors))
    dense = left.dense_effects()
    main = left.own_effects(dense)
    explained, by_dense = left.equations.own_y @ main.ravel(), left.equations.dense_y @ dense
    return SolvedEffects(
        sums,
        tuple(factors),
        left.inverse,
        left.link,
        left.root,
        main,
        dense,
        float(sums.square - explained - by_dense),
        left.log_determinant(),
    )


def _log_determinant(root: Array) -> float:
    """Return the logarithm of the determinant of a matrix by its Cholesky factor."""
    return 2 * np.log(np.diag(root)).sum()


def _dense_scale(design: Design, factors: Sequence[Array]) -> csr_matrix:
    """Return ``Λ`` of all levels of the other groupings, and ones for ``β``, block-diagonal."""
    parts = [design.groupings[index].once_a_level(factors[index]) for index in design.others]
    return sparse.block_diag([*parts, sparse.identity(design.fixed.shape[1])], format="csr")


def _whitened_y(sums: Sums, factor: Array) -> Array:
    """Whiten the sums of targets of all levels, one after the other."""
    of_levels = sums.within_y.reshape(len(sums.within), -1)
    return (of_levels @ factor).ravel()


def _dense_equations(sums: Sums, scale: csr_matrix) -> Array:
    """Return the products of ``D`` in whitened units, with the prior of all effects but ``β``."""
    found: Array = scale.T @ (scale.T @ sums.dense).T
    random = np.arange(len(found) - sums.design.fixed.shape[1])
    found[random, random] += 1
    return found


__all__ = ["Design", "Grouping", "SolvedEffects", "Sums", "solve_effects"]
