"""Dates in every writing and dtype are the same moments."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quickstudy.tasks.tables.dates import format_of, is_ambiguous, parse_dates, without_zone

DAY = np.datetime64("2020-03-14T00:00:00", "us")


def words(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("2020-03-14", "ISO8601"),
        ("2020-03-14 00:00", "ISO8601"),
        ("2020-03-14T00:00:00Z", "ISO8601"),
        ("2020-03-14 02:00:00+02:00", "ISO8601"),
        ("2020/03/14", "%Y/%m/%d"),
        ("14.03.2020", "%d.%m.%Y"),
        ("14.03.2020 00:00", "%d.%m.%Y %H:%M"),
        ("03/14/2020", "%m/%d/%Y"),
        ("14/03/2020", "%d/%m/%Y"),
        ("14-03-2020", "%d-%m-%Y"),
        ("14 Mar 2020", "%d %b %Y"),
        ("March 14, 2020", "%B %d, %Y"),
        ("03/14/2020 12:00 AM", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_a_format_is_found(cell, written):
    assert format_of(words(cell)) == written
    assert parse_dates(words(cell), written).to_numpy().tolist() == [DAY.astype(datetime.datetime)]


@pytest.mark.parametrize("cell", ["20200314", "1.5", "14.03", "12:30", "2020-13-01", "abc", "2020"])
def test_what_is_no_date(cell):
    assert format_of(words(cell)) is None and parse_dates(words(cell), "ISO8601") is None


def test_a_file_in_another_format_is_read_too():
    assert parse_dates(words("14.03.2020"), "ISO8601").to_numpy()[0] == DAY
    assert parse_dates(words("14.03.2020", "x"), "ISO8601") is None


def test_day_and_month_that_can_be_read_both_ways():
    assert is_ambiguous(words("01/02/2020"), "%m/%d/%Y")
    assert not is_ambiguous(words("01/02/2020", "01/20/2020"), "%m/%d/%Y")
    assert not is_ambiguous(words("2020-01-02"), "ISO8601")


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([DAY]),
        pd.Series([DAY]).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
        pd.Series([datetime.date(2020, 3, 14)]),
        pd.Series([datetime.datetime(2020, 3, 14)], dtype=object),
        pd.Series(pd.array([datetime.date(2020, 3, 14)], dtype=pd.ArrowDtype(pa.date32()))),
        pd.Series(pd.array([pd.Timestamp(DAY)], dtype=pd.ArrowDtype(pa.timestamp("ms")))),
        pd.Series(pd.PeriodIndex(["2020-03-14"], freq="D")),
    ],
    ids=["numpy", "zone", "date", "datetime", "arrow date", "arrow timestamp", "period"],
)
def test_dtypes_are_alike(values):
    found = without_zone(values)
    assert found.dtype == "datetime64[us]" and found.to_numpy()[0] == DAY
