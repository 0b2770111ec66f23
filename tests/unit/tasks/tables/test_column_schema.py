"""A column is read alike from every dtype that carries it."""

import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import quickstudy as qs
from quickstudy.tasks.tables.column_schema import ColumnSchema, cast, one_spelling
from quickstudy.tasks.tables.writing import Writing


def column(values, dtype=None) -> pd.Series:
    return pd.Series(values, dtype=dtype, name="c")


@pytest.mark.parametrize(
    "values",
    [
        column([1.0, np.nan, 2.5]),
        column(["1", None, "2.5"]),
        column(["1", "NA", " 2.5 "]),
        column(["1", "?", "2,5"]),
        column(["1", "", "2.50"], "category"),
        column([1, None, decimal.Decimal("2.5")]),
        column([1, None, "2.5"], object),
        column([1, None, 2.5], pd.ArrowDtype(pa.float64())),
    ],
    ids=["float", "text", "na", "comma", "category", "decimal", "mixed", "arrow"],
)
def test_numbers(values):
    found = ColumnSchema("c", "number").read(values)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, [1, np.nan, 2.5])


def test_numbers_by_the_writing_of_training():
    german = ColumnSchema("c", "number", writing=Writing(",", "."))
    assert german.read(column(["1.234", "5,5"])).tolist() == [1234, 5.5]
    assert german.read(column([1.234, 5.5])).tolist() == [1.234, 5.5]
    percent = ColumnSchema("c", "number", writing=Writing(percent=True))
    assert percent.read(column(["45%", "0.45"])).tolist() == [0.45, 0.45]


def test_what_is_said_to_be_missing():
    said = ColumnSchema("c", "number", missing=("-999", "unknown"))
    for values in (["1", "-999", "unknown"], [1, -999, None]):
        np.testing.assert_array_equal(said.read(column(values)), [1, np.nan, np.nan])
    label = ColumnSchema("c", "category", missing=("NA",))
    assert label.read(column(["NA", "None", "x"])).isna().tolist() == [True, False, False]


@pytest.mark.parametrize(
    "values",
    [
        column(["True", "false", None]),
        column([True, False, None], object),
        column([True, False, None], "boolean"),
        column([1, 0, None]),
        column(["1", "0", "NA"]),
        column(["TRUE", "FALSE", ""], "category"),
    ],
)
def test_truth_values(values):
    found = ColumnSchema("c", "truth value").read(values)
    np.testing.assert_array_equal(found.to_numpy(float, na_value=np.nan), [1, 0, np.nan])


@pytest.mark.parametrize(
    "values",
    [
        column(["2020-03-14", None]),
        column(["14.03.2020", "NA"]),
        column([datetime.date(2020, 3, 14), None]),
        column(pd.to_datetime(["2020-03-14", None])),
        column(["2020-03-14", None], "category"),
    ],
)
def test_dates(values):
    found = ColumnSchema("c", "date", written="ISO8601").read(values)
    assert found.dtype == "datetime64[us]" and found.isna().tolist() == [False, True]
    assert found[0] == pd.Timestamp("2020-03-14")


def test_dates_of_digits():
    found = ColumnSchema("c", "date", written="%Y%m%d").read(column([20200314, 20200315]))
    assert found[1] == pd.Timestamp("2020-03-15")


def test_what_is_read_is_read_again_as_it_is():
    for kind, values in (
        ("number", ["1", "NA"]),
        ("truth value", ["true", None]),
        ("date", ["2020-03-14", None]),
        ("category", ["b", "a"]),
    ):
        schema = ColumnSchema("c", kind, written="ISO8601")
        once = schema.read(column(values))
        pd.testing.assert_series_equal(schema.read(once), once)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("number", ["1", "dear"], "Column 'c' should hold numbers. Found 'dear'"),
        ("number", ["1", "inf"], "should hold finite numbers. Found infinity"),
        ("number", pd.to_datetime(["2020-03-14"]), "should hold numbers. Found datetime64"),
        ("number", [[1], [2]], "should hold numbers. Found object"),
        ("category", [[1], [2]], "Column 'c' should hold categories. Found object"),
        ("truth value", ["yes", "True"], "should hold true and false. Found 'yes'"),
        ("truth value", [2, 1], "should hold true and false. Found '2'"),
        ("date", ["soon", "2020-03-14"], "should hold dates. Found 'soon'"),
        ("date", [1.5], "should hold dates. Found '1.5'"),
    ],
)
def test_what_is_refused(kind, values, message):
    with pytest.raises(qs.UserError, match=message):
        ColumnSchema("c", kind, written="ISO8601").read(column(values))


def test_it_is_kept():
    schema = ColumnSchema("c", "number", "numbers", ("-1",), 3, Writing(",", "."))
    assert ColumnSchema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_plain_text_is_cast():
    assert cast(pa.array(["1", None])).tolist()[0] == 1 and cast(pa.array(["x"])) is None
    assert one_spelling(column([1.0, None])).fillna("<>").tolist() == ["1", "<>"]
