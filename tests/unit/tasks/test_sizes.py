"""A size is a number, or a range that tasks draw from."""

import pytest
import torch

from quickstudy.errors import UserError
from quickstudy.tasks.sizes import drawn_sizes, range_of


@pytest.mark.parametrize(("value", "expected"), [(5, (5, 5)), ((2, 4), (2, 4)), ([3, 3], (3, 3))])
def test_a_number_is_a_range_of_one(value, expected):
    assert range_of(value, "way") == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [(0, "`way` should be at least 1"), ((4, 2), "a pair: low, high"), (2.5, "should be whole")],
)
def test_other_values_are_refused(value, message):
    with pytest.raises(UserError, match=message):
        range_of(value, "way")
    assert range_of(0, "way", least=0) == (0, 0)


def test_every_size_of_a_range_is_drawn_equally_often():
    sizes = drawn_sizes((2, 4), 3000, torch.Generator().manual_seed(0))
    assert sizes.shape == (3000, 1, 1)
    # 4 standard deviations of a count are 4 * sqrt(3000 * 2 / 9)
    assert (sizes.flatten().bincount()[2:] - 1000).abs().max() < 104
