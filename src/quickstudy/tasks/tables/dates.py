"""Dates and times: how they are written, and one dtype for all that carries them."""

import re
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

ISO = "ISO8601"
ISO_PATTERN = re.compile(
    r"\d{4}-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))?)?)?"
)
DAYS = (
    *("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d %b %Y", "%d-%b-%Y", "%d. %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y"),
)
TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
SIMILAR = re.compile(
    r"\d{4}[/.-]\d{1,2}\b.*|\d{1,2}[./-]\d{1,2}[./-]\d{4}\b.*"
    r"|\d{1,2}[.]?[ -][A-Za-z]{3,}[ -]\d{4}.*|[A-Za-z]{3,} \d{1,2}, \d{4}.*"
)
"""What every date looks like; a cheap test before the formats are tried."""
FEW = 20
SWAPPED = {"%m/%d/%Y": "%d/%m/%Y", "%d-%m-%Y": "%m-%d-%Y"}


def format_of(words: "pa.Array[Any]") -> str | None:
    """Find the format in which all ``words`` are dates; None if there is none.

    It is ``"ISO8601"`` or a format of ``strptime``. If day and month can be read both ways,
    1/2/2020 has the month first and 1-2-2020 the day.
    """
    first = [word.strip() for word in words[:FEW].to_pylist()]
    if not first or not all(map(SIMILAR.fullmatch, first)):
        return None
    column = _stripped(words)
    return next((one for one in _likely(first) if _are_dates(column, one)), None)


def _likely(first: list[str]) -> Iterator[str]:
    """Give the formats in which the ``first`` cells are dates."""
    sample = pd.Series(first)
    return (one for one in _formats() if _are_dates(sample, one))


def _formats() -> Iterator[str]:
    yield ISO
    for day in DAYS:
        for time in TIMES:
            yield day + time


def is_ambiguous(words: "pa.Array[Any]", written: str) -> bool:
    """Whether dates could also be read with day and month the other way round."""
    other = _swapped(written)
    return other is not None and _are_dates(_stripped(words), other)


def _swapped(written: str) -> str | None:
    """Give a format with day and month the other way round; None if both cannot be mistaken."""
    for day, other in SWAPPED.items():
        if written.startswith(day):
            return written.replace(day, other)
    return None


def _stripped(words: "pa.Array[Any]") -> "pd.Series[Any]":
    """Give words as a column, without the blanks around them."""
    return pd.Series(words.to_pylist(), dtype=object).str.strip()


def _are_dates(words: "pd.Series[Any]", written: str) -> bool:
    return _parsed(words, written) is not None


def _parsed(words: "pd.Series[Any]", written: str) -> "pd.Series[Any] | None":
    """Give ``words`` as dates; None if one is none."""
    if written == ISO and not all(map(ISO_PATTERN.fullmatch, words)):
        return None
    found = pd.to_datetime(words, format=written, errors="coerce", utc=True)
    return None if found.isna().any() else without_zone(found)


def without_zone(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Give dates of any dtype as ``datetime64[us]``, those with a time zone in UTC."""
    return _in_utc(_as_datetimes(values)).astype("datetime64[us]")


def _in_utc(dates: "pd.Series[Any]") -> "pd.Series[Any]":
    """Give dates without a time zone, those with one in UTC."""
    if getattr(dates.dtype, "tz", None) is None:
        return dates
    return dates.dt.tz_convert("UTC").dt.tz_localize(None)


def _as_datetimes(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Give dates of any dtype in a dtype of NumPy, or in one with a time zone."""
    if isinstance(values.dtype, pd.PeriodDtype):
        return values.dt.to_timestamp()
    if values.dtype == object or isinstance(values.dtype, pd.ArrowDtype):
        return pd.to_datetime(values, utc=True)
    return values


def parse_dates(words: "pa.Array[Any]", written: str) -> "pd.Series[Any] | None":
    """Give ``words`` as dates in the format ``written``, or else in one that fits all of them.

    Returns:
        ``datetime64[us]``, or None if some are no dates.
    """
    column = _stripped(words)
    found = _parsed(column, written) if written else None
    other = format_of(words) if found is None else None
    return found if other is None else _parsed(column, other)


__all__ = ["ISO", "format_of", "is_ambiguous", "parse_dates", "without_zone"]
