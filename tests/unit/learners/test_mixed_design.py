"""The rows of a mixed model: the columns of effects, and the sums over the rows."""

import numpy as np
import pytest

from quickstudy import UserError
from quickstudy.learners import mixed_design
from quickstudy.learners.mixed_design import Design, Grouping, Sums, once_a_level

EFFECTS = np.array([[1.0, 2.0], [1.0, -1.0], [1.0, 5.0], [1.0, 3.0]])
LEVEL = np.array([1, 0, -1, 1])
FACTOR = np.array([[2.0, 0.0], [1.0, 3.0]])


@pytest.fixture
def slopes():
    return Grouping(LEVEL, 2, EFFECTS)


@pytest.fixture
def design(slopes):
    one = np.ones((4, 1))
    return Design(one, (Grouping(np.array([0, 0, 1, 2]), 3, one), slopes))


def test_effects_stand_in_the_columns_of_their_level(slopes):
    expected = [[0, 0, 1, 2], [1, -1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 3]]
    np.testing.assert_array_equal(slopes.matrix.toarray(), expected)
    assert (slopes.width, slopes.size) == (2, 4)


def test_whitened_columns_are_multiplied_by_the_factor_of_every_level(slopes):
    expected = slopes.matrix.toarray() @ np.kron(np.eye(2), FACTOR)
    np.testing.assert_array_equal(slopes.whitened(FACTOR, 2).toarray(), expected)
    np.testing.assert_array_equal(once_a_level(FACTOR, 2).toarray(), np.kron(np.eye(2), FACTOR))


def test_only_a_level_that_is_not_known_spreads(slopes):
    covariance = FACTOR @ FACTOR.T
    unknown = EFFECTS[2] @ covariance @ EFFECTS[2]
    np.testing.assert_allclose(slopes.spread_of_unknown(FACTOR), [0, 0, unknown, 0])


def test_the_grouping_of_most_effects_is_eliminated(design):
    assert (design.largest, design.others) == (1, [0])
    expected = [[1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]
    np.testing.assert_array_equal(design.dense_part().toarray(), expected)


def test_sums_are_the_products_of_all_columns(design):
    y = np.array([1.0, 2.0, -1.0, 4.0])
    sums = Sums.of(design, y)
    own, dense = design.groupings[1].matrix.toarray(), design.dense_part().toarray()
    blocks = np.zeros((4, 4))
    blocks[:2, :2], blocks[2:, 2:] = sums.within
    np.testing.assert_array_equal(blocks, own.T @ own)
    np.testing.assert_array_equal(sums.between.toarray(), own.T @ dense)
    np.testing.assert_array_equal(sums.dense, dense.T @ dense)
    np.testing.assert_array_equal(sums.within_y, own.T @ y)
    np.testing.assert_array_equal(sums.dense_y, dense.T @ y)
    assert (sums.square, sums.num_rows) == (22.0, 4)


def test_too_many_levels_for_a_dense_matrix_are_refused(design, monkeypatch):
    monkeypatch.setattr(mixed_design, "MOST_DENSE", 3)
    with pytest.raises(UserError, match=r"at most 3 effects together\. Found 4"):
        Sums.of(design, np.ones(4))


def test_further_rows_may_have_new_levels():
    known = Design(np.ones((2, 1)), (Grouping(np.array([0, 1]), 2, np.ones((2, 1))),))
    further = Design(np.zeros((1, 1)), (Grouping(np.array([2]), 3, np.full((1, 1), 4.0)),))
    found = known.joined(further)
    assert found.fixed.ravel().tolist() == [1, 1, 0]
    (grouping,) = found.groupings
    assert grouping.num_levels == 3
    assert grouping.matrix.toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 4]]
