"""Columns as numbers: known means, scales, categories and empty cells."""

import json

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.tasks.encoder import Encoder

TRAIN = pd.DataFrame({"age": [1.0, 3.0, np.nan], "same": [2, 2, 2], "day": ["mon", "sun", "mon"]})


def test_numbers_are_scaled_and_categories_are_places():
    encoder = Encoder.fit(TRAIN, ("age", "same", "day"))
    assert encoder.names == ("age", "age is missing", "same", "day=mon", "day=sun")
    expected = [[-1, 0, 0, 1, 0], [1, 0, 0, 0, 1], [0, 1, 0, 1, 0]]
    np.testing.assert_array_equal(encoder(TRAIN), expected)
    other = pd.DataFrame({"age": [6.0], "same": [5], "day": ["holiday"]})
    np.testing.assert_array_equal(encoder(other), [[4, 0, 3, 0, 0]])


def test_json_keeps_all_of_it():
    encoder = Encoder.fit(TRAIN, ("age", "day"))
    assert Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ([1.0, np.inf], "finite numbers"),
        ([str(value) for value in range(201)], "at most 200 categories"),
    ],
    ids=["infinity", "many"],
)
def test_columns_that_no_feature_can_hold(column, says):
    with pytest.raises(qs.UserError, match=says):
        Encoder.fit(pd.DataFrame({"age": column}), ("age",))
