"""Parts of the calendar: which vary, and their numbers."""

import numpy as np
import pandas as pd
import pytest

from quickstudy.tasks.tables.calendar import days_since, part_of_date, varying_parts


def dates(*values: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(values), format="ISO8601")).astype("datetime64[us]")


def test_days_since_a_start():
    found = days_since(dates("2020-01-01", "2020-01-02 12:00", None), "2020-01-01")
    np.testing.assert_array_equal(found, [0, 1.5, np.nan])


def test_parts_that_vary():
    assert varying_parts(dates("2020-01-06", "2020-01-13", None)) == {}  # Mondays
    assert varying_parts(dates("2020-01-06", "2020-01-08")) == {"weekday": ("Monday", "Wednesday")}
    assert varying_parts(dates("2020-01-06", "2020-07-06")) == {"year": ()}
    assert varying_parts(dates("2020-01-06 01:00", "2020-01-06 02:00")) == {"day": ()}
    assert varying_parts(dates(None)) == {}


def test_their_numbers():
    monday, wednesday = part_of_date(
        dates("2020-01-06", "2020-01-07", None), "weekday", ("Monday", "Wednesday")
    )
    assert monday.tolist() == [1, 0, 0] and wednesday.tolist() == [0, 0, 0]
    sine, cosine = part_of_date(dates("2020-01-06 06:00", "2020-01-06", None), "day", ())
    assert sine == pytest.approx([1, 0, 0], abs=1e-12)
    assert cosine == pytest.approx([0, 1, 0], abs=1e-12)
    sine, cosine = part_of_date(dates("2021-01-01", "2021-07-02 15:00"), "year", ())
    assert sine == pytest.approx([0, 0], abs=1e-12) and cosine == pytest.approx([1, -1])
