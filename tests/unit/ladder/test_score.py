"""Two ways are compared split by split, with an interval that knows that splits share rows."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from quickstudy.ladder.score import Score, difference


def test_the_interval_is_that_of_nadeau_and_bengio():
    one = dict(enumerate([1.0, 1.2, 0.9, 1.1]))
    other = dict(enumerate([1.2, 1.3, 1.2, 1.1]))
    found = difference(one, other, held=1 / 3)
    apart = np.array([-0.2, -0.1, -0.3, 0.0]) / 1.2
    half = student.ppf(0.975, 3) * apart.std(ddof=1) * math.sqrt(1 / 4 + 1 / 3)
    assert found.mean == pytest.approx(-0.125)
    assert (found.low, found.high) == pytest.approx((-0.125 - half, -0.125 + half))
    assert not found.told_apart


def test_what_differs_alike_on_all_splits_is_told_apart():
    one = {split: 1.0 + 0.1 * split for split in range(5)}
    other = {split: 1.5 + 0.11 * split for split in range(5)}
    assert difference(one, other, 1 / 3).told_apart
    assert difference(other, one, 1 / 3).low > 0
    # the same numbers on splits that do not belong together
    shuffled = dict(zip(range(5), [1.9, 1.5, 1.94, 1.61, 1.72], strict=True))
    narrow, wide = difference(one, other, 1 / 3), difference(one, shuffled, 1 / 3)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_only_common_splits_count_and_one_tells_nothing():
    found = difference({0: 1.0, 1: 9.0}, {0: 2.0}, 1 / 3)
    assert (found.mean, found.low, found.high) == (-0.5, -math.inf, math.inf)
    assert not found.told_apart
    assert math.isnan(difference({0: 1.0}, {1: 1.0}, 1 / 3).mean)


def test_the_first_metric_decides():
    assert Score("a", None, 0, {"rmse": 2.0, "explained_variance": 0.5}, 0.0, 0.0).error == 2.0
