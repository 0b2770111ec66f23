"""Every value has one spelling, and columns of any dtype the same categories."""

import datetime
import decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quickstudy.tasks.tables.spelling import is_number, label_codes, spell, spelled


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([1, 1.0, "1", " 1.00 ", "1.", decimal.Decimal("1.0"), np.int8(1), np.float32(1)], "1"),
        ([2.5, "2.5", "2.50", decimal.Decimal("2.50"), np.float32(2.5)], "2.5"),
        ([0.5, ".5", "0.50"], "0.5"),
        ([0, -0.0, "-0", "-0.0"], "0"),
        ([-1.5, "-1.50"], "-1.5"),
        ([True, np.True_, "True", "true", "TRUE"], "True"),
        ([False, "false"], "False"),
        ([datetime.date(2020, 1, 2), np.datetime64("2020-01-02"), "2020-01-02"], "2020-01-02"),
        ([pd.Timestamp("2020-01-02 03:04:05"), "2020-01-02 03:04:05"], "2020-01-02 03:04:05"),
        (["01"], "01"),
        (["None"], "None"),
        (["NA"], "NA"),
        (["untrue"], "untrue"),
        (["1.2.3"], "1.2.3"),
        ([1e20], "1e+20"),
        ([90071992547409931, "90071992547409931"], "90071992547409931"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_is_spelled_in_one_way(values, name):
    assert [spell(value) for value in values] == [name] * len(values)


WHOLE = [2, 10, None, 2]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(WHOLE),
        pd.Series(WHOLE, dtype="Int64"),
        pd.Series(WHOLE, dtype=object),
        pd.Series([2.0, 10.0, np.nan, 2.0], dtype="float32"),
        pd.Series(pd.array(WHOLE, dtype=pd.ArrowDtype(pa.int64()))),
        pd.Series([decimal.Decimal(2), decimal.Decimal("10.0"), None, decimal.Decimal("2.00")]),
        pd.Series([2, "10", pd.NA, 2.0], dtype=object),
    ],
    ids=["float", "nullable", "object", "float32", "arrow", "decimal", "mixed"],
)
def test_dtypes_are_alike(column):
    found = spelled(column)
    assert found.astype(object).tolist()[:2] == ["2", "10"] and found.codes[2] == -1
    assert found.codes[0] == found.codes[3]


def test_order_is_by_size_for_numbers_and_by_text_for_text():
    assert list(spelled(pd.Series([10, 9])).categories) == ["9", "10"]
    assert list(spelled(pd.Series(["10", "9"])).categories) == ["10", "9"]
    assert list(spelled(pd.Series(["10", "9"]), written=True).categories) == ["9", "10"]
    assert list(spelled(pd.Series(["10", "9", "A"]), written=True).categories) == ["10", "9", "A"]
    given = pd.Series(pd.Categorical(["low", "high"], categories=["low", "high"]))
    assert list(spelled(given).categories) == ["low", "high"]


def test_true_and_one_are_two_values():
    found = spelled(pd.Series([True, 1, "1", "true"], dtype=object))
    assert found.astype(object).tolist() == ["True", "1", "1", "True"]


def test_missing_is_what_is_empty_or_said():
    column = pd.Series(["None", "", "NA", " ", None, "x"])
    assert spelled(column).codes.tolist().count(-1) == 3
    assert list(spelled(column, missing=("NA", "None")).categories) == ["x"]


def test_codes_and_names_of_labels():
    codes, names = label_codes(pd.Series(spelled(pd.Series([3, None, 1, 3]))))
    assert codes.tolist() == [1, -1, 0, 1] and names == ("1", "3")
    codes, names = label_codes(pd.Series(spelled(pd.Series([3, 2, 1])))[:2])
    assert codes.tolist() == [1, 0] and names == ("2", "3")


def test_spellings_of_numbers():
    assert all(map(is_number, ("1", "-2.5", "0"))) and not any(map(is_number, ("01", "1e5", "x")))
