"""Matrices of blocks: small ones, written out."""

import numpy as np
from scipy import sparse

from quickstudy.learners.blocks import add_products, diagonal_blocks, sum_of_blocks


def test_blocks_stand_on_the_diagonal():
    found = diagonal_blocks(np.array([[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]))
    expected = [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8]]
    np.testing.assert_array_equal(found.toarray(), expected)


def test_the_sum_takes_the_blocks_of_the_diagonal_only():
    np.testing.assert_array_equal(
        sum_of_blocks(np.arange(16.0).reshape(4, 4), 2), [[10, 12], [18, 20]]
    )


def test_products_of_rows_are_summed_over_levels():
    left = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0], [1.0, 1.0]])
    right = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 1.0], [1.0, 2.0]])
    found = np.ones((2, 2))
    add_products(found, sparse.csr_matrix(left), right)
    expected = 1 + left[:2] @ right[:2].T + left[2:] @ right[2:].T
    np.testing.assert_array_equal(found, expected)
