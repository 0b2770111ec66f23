"""Dates as numbers: days since a start, and the parts of the calendar."""

from typing import Any

import numpy as np
import pandas as pd

WEEK = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PARTS = ("year", "day")
"""Parts that come round again, each a sine and a cosine: the time of the year and of the day."""
SEASONS = 180.0
"""Days that dates span if the time of the year is a feature."""
YEAR = 365.25
DAY = np.timedelta64(1, "D")


def days_since(values: "pd.Series[Any]", start: str) -> np.ndarray:
    """Give the days from ``start`` to every date, NaN if there is none."""
    found: np.ndarray = (values.to_numpy() - np.datetime64(start)) / DAY
    return found


def varying_parts(values: "pd.Series[Any]") -> dict[str, tuple[str, ...]]:
    """Give the parts of the calendar that differ between dates, with the values of each.

    These are the time of the year (if dates span half a year), the day of the week (if not all are
    the same) and the time of the day (if there are several). Only the day of the week has values.
    """
    dates = values.dropna()
    found: dict[str, tuple[str, ...]] = {}
    if not len(dates):
        return found
    if (dates.max() - dates.min()).days >= SEASONS:
        found["year"] = ()
    week = sorted(set(dates.dt.day_of_week))
    if len(week) > 1:
        found["weekday"] = tuple(WEEK[day] for day in week)
    if (dates - dates.dt.normalize()).nunique() > 1:
        found["day"] = ()
    return found


def part_of_date(
    values: "pd.Series[Any]", part: str, categories: tuple[str, ...]
) -> list[np.ndarray]:
    """Give the features of one part of every date, zeros if there is none."""
    if part == "weekday":
        week = values.dt.day_of_week.to_numpy(dtype=np.float64, na_value=np.nan)
        return [(week == WEEK.index(day)).astype(np.float64) for day in categories]
    turns = days_since(values, "1970-01-01") % 1.0
    if part == "year":
        turns = (values.dt.day_of_year.to_numpy(dtype=np.float64) - 1 + turns) / YEAR
    waves = (np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns))
    return [np.where(np.isnan(wave), 0.0, wave) for wave in waves]


__all__ = ["PARTS", "WEEK", "days_since", "part_of_date", "varying_parts"]
