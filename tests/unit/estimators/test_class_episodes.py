"""Episodes have the sizes that the classes allow."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.estimators.class_episodes import episodes_of


@pytest.mark.parametrize(
    ("sizes", "asked", "found"),
    [
        ((10, 10, 10), (3, 5, 5), (3, 5, 5, 3)),
        ((10, 10, 10), (5, 5, 5), (3, 5, 5, 3)),
        ((10, 10, 4), (3, 5, 5), (3, 2, 2, 3)),
        ((10, 10, 1), (3, 5, 5), (2, 5, 5, 2)),
        ((3, 2, 2), (5, 1, 15), (3, 1, 1, 3)),
    ],
)
def test_episodes_have_the_sizes_that_classes_allow(sizes, asked, found):
    y = np.repeat(np.arange(len(sizes)), sizes)
    source = episodes_of(torch.zeros(len(y), 2), y, np.zeros(len(y)), *asked)
    assert (source.way, source.shot, source.query, source.pool.num_classes) == found
    source.sample(2, qs.Moment(0, "test"))
