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
    week = tuple(WEEK[day] for day in sorted(set(dates.dt.day_of_week)))
    times = (dates - dates.dt.normalize()).nunique()
    vary = {"year": _span(dates) >= SEASONS, "weekday": len(week) > 1, "day": times > 1}
    return {part: week * (part == "weekday") for part, varies in vary.items() if varies}


def _span(dates: "pd.Series[Any]") -> float:
    """Give the days from the first date to the last."""
    return float((dates.max() - dates.min()).days) if len(dates) else 0.0


def part_of_date(
    values: "pd.Series[Any]", part: str, categories: tuple[str, ...]
) -> list[np.ndarray]:
    """Give the features of one part of every date, zeros if there is none."""
    if part == "weekday":
        return _weekdays(values, categories)
    turns = _time_of_year(values) if part == "year" else _time_of_day(values)
    waves = (np.sin(2 * np.pi * turns), np.cos(2 * np.pi * turns))
    return [np.where(np.isnan(wave), 0.0, wave) for wave in waves]


def _weekdays(values: "pd.Series[Any]", names: tuple[str, ...]) -> list[np.ndarray]:
    week = values.dt.day_of_week.to_numpy(dtype=np.float64, na_value=np.nan)
    return [(week == WEEK.index(name)).astype(np.float64) for name in names]


def _time_of_day(values: "pd.Series[Any]") -> np.ndarray:
    """Give the part of the day that is over."""
    return days_since(values, "1970-01-01") % 1.0


def _time_of_year(values: "pd.Series[Any]") -> np.ndarray:
    """Give the part of the year that is over."""
    day: np.ndarray = values.dt.day_of_year.to_numpy(dtype=np.float64)
    return (day - 1 + _time_of_day(values)) / YEAR


__all__ = ["PARTS", "WEEK", "days_since", "part_of_date", "varying_parts"]
