"""Columns as numbers: known means, scales, categories and empty cells."""

import json

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.tasks.encoder import Encoder, is_numeric
from quickstudy.tasks.tables.asked import Reading
from quickstudy.tasks.tables.schema import Schema

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


def test_dates_are_days_and_parts_of_the_calendar():
    """Mondays and a Wednesday of one winter: days since the first, and days of the week."""
    frame = pd.DataFrame({"when": ["2020-01-06", "2020-01-08", None, "2020-01-13"]})
    encoder = Encoder.fit(frame, ("when",))
    assert encoder.names == (
        *("when days", "when is missing", "when weekday=Monday", "when weekday=Wednesday"),
    )
    days = np.array([0.0, 2, 7])
    scaled = (days - days.mean()) / days.std()
    expected = [[scaled[0], 0, 1, 0], [scaled[1], 0, 0, 1], [0, 1, 0, 0], [scaled[2], 0, 1, 0]]
    np.testing.assert_allclose(encoder(frame), expected, rtol=1e-12)
    typed = frame.assign(when=pd.to_datetime(frame["when"]).dt.tz_localize("UTC"))
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder and np.array_equal(again(typed), encoder(frame))


@pytest.mark.parametrize("unit", [1e-12, 1e-30, 1e12, 1e30])
def test_units_do_not_matter(unit):
    frame = pd.DataFrame({"x": [1.0, 2.0, 4.0]})
    found = Encoder.fit(frame * unit, ("x",))(frame * unit)
    np.testing.assert_allclose(found, Encoder.fit(frame, ("x",))(frame), rtol=1e-12)


def test_a_constant_has_scale_one_whatever_its_size():
    for value in (0.1, 1e-12, 1e12):
        frame = pd.DataFrame({"x": [value] * 7})
        assert Encoder.fit(frame, ("x",)).columns[0].scale == 1.0


def test_the_most_frequent_of_many_categories_that_are_asked_for():
    values = [f"v{index}" for index in range(300)] + ["v299", "v0"]
    frame = pd.DataFrame({"c": values})
    schema = Schema.infer(frame, ("c",), asked=Reading(kinds={"c": "category"}))
    names = Encoder.fit(frame, ("c",), schema).names
    assert len(names) == 200 and {"c=v0", "c=v299"} < set(names)


@pytest.mark.parametrize(
    ("values", "dtype", "numeric"),
    [
        (["1", "2"], None, False),
        (["1,5", "2"], None, True),
        ([1, None], "Int64", True),
        ([True, False], None, True),
        (["a"], None, False),
        ([[1]], None, False),
    ],
)
def test_what_is_numeric(values, dtype, numeric):
    assert is_numeric(pd.Series(values, dtype=dtype, name="c")) is numeric
