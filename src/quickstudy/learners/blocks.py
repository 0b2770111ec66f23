"""Matrices whose blocks belong to the levels of a grouping."""

import numpy as np
from scipy import sparse
from scipy.sparse import csr_matrix

from quickstudy.learners.mixed_design import Array


def diagonal_blocks(blocks: Array) -> sparse.bsr_matrix:
    """Return blocks ``[level, effect, effect]`` as one sparse matrix."""
    levels = len(blocks)
    return sparse.bsr_matrix((blocks, np.arange(levels), np.arange(levels + 1)))


def sum_of_blocks(matrix: Array, width: int) -> Array:
    """Sum up the blocks of ``width`` rows and columns on the diagonal of ``matrix``."""
    levels = len(matrix) // width
    return np.einsum("iaib->ab", matrix.reshape(levels, width, levels, width))


def add_products(found: Array, left: csr_matrix, right: Array) -> None:
    """Add the products of rows, summed over the levels, to ``found`` ``[effect, effect]``."""
    width = len(found)
    for a, b in np.ndindex(width, width):
        found[a, b] += left[a::width].multiply(right[b::width]).sum()


__all__ = ["add_products", "diagonal_blocks", "sum_of_blocks"]
