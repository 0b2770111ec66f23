"""The dtypes that carry the values of a column, and its distinct values."""

import decimal
import numbers
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

Carrier = Literal["number", "truth", "date", "category", "text", "mixed", "other"]

WRITTEN = "quickstudy_written"
"""The key of a DataFrame's attributes that says that its text is the cells of a file."""

FOUND = "quickstudy_found"
"""The key of a DataFrame's attributes that holds what was found out about its file, in words."""

OF_OBJECTS: dict[str, Carrier] = {
    "string": "text",
    "boolean": "truth",
    "integer": "number",
    "floating": "number",
    "decimal": "number",
    "empty": "number",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
    "period": "date",
}
"""The carrier of objects by the name that pandas gives to their type."""

REAL = (numbers.Real, decimal.Decimal, np.bool_)
"""The types of single values that are numbers."""


def carrier_of(values: "pd.Series[Any]") -> Carrier:
    """Say what a column's dtype carries.

    ``"mixed"`` are values of several types, ``"other"`` are lists, bytes and the like.
    """
    dtype = values.dtype
    if dtype.kind == "O" and not isinstance(dtype, ExtensionDtype):
        return _of_objects(values)
    if _is_category(dtype):
        return "category"
    return _of_dtype(dtype)


def _of_dtype(dtype: Any) -> Carrier:
    """Say what a dtype carries whose values are all of one type."""
    if pd.api.types.is_bool_dtype(dtype):
        return "truth"
    if pd.api.types.is_numeric_dtype(dtype):
        return "other" if dtype.kind == "c" else "number"
    if dtype.kind in "Mm" or isinstance(dtype, pd.PeriodDtype):
        return "number" if dtype.kind == "m" else "date"
    return "text" if pd.api.types.is_string_dtype(dtype) else "other"


def _is_category(dtype: Any) -> bool:
    """Whether a dtype is of categories, or of Arrow's dictionaries."""
    if isinstance(dtype, pd.CategoricalDtype):
        return True
    return isinstance(dtype, pd.ArrowDtype) and pa.types.is_dictionary(dtype.pyarrow_dtype)


def _of_objects(values: "pd.Series[Any]") -> Carrier:
    name = pd.api.types.infer_dtype(values, skipna=True)
    return OF_OBJECTS.get(name) or _of_several_types(values[values.notna()])


def _of_several_types(filled: "pd.Series[Any]") -> Carrier:
    if all(isinstance(one, REAL) for one in filled):
        return "number"
    good = all(map(_is_single, filled))
    return "mixed" if good else "other"


def _is_single(value: object) -> bool:
    """Whether a value is text, a number or a date."""
    return isinstance(value, (str, *REAL, np.datetime64)) or hasattr(value, "isoformat")


def as_floats(values: "pd.Series[Any]") -> np.ndarray:
    """Give a column as floating point, NaN for an empty cell."""
    found: np.ndarray = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return found


def as_numbers(values: "pd.Series[Any]") -> np.ndarray:
    """Give a column of numbers or truth values as floating point, NaN for an empty cell.

    Durations are days.
    """
    is_duration = values.dtype.kind == "m"
    return as_floats(pd.Series(values) / pd.Timedelta(days=1) if is_duration else values)


def as_text(values: "pd.Series[Any]") -> "pa.Array[Any]":
    """Give a column of text as one Arrow array of strings, null for an empty cell."""
    found = _in_one(pa.Array.from_pandas(values))
    return found if pa.types.is_large_string(found.type) else found.cast(pa.large_string())


def _in_one(found: Any) -> "pa.Array[Any]":
    """Give an array in one chunk."""
    if not isinstance(found, pa.ChunkedArray):
        return found
    return found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)


def is_written(frame: "pd.DataFrame | pd.Series[Any]") -> bool:
    """Whether the text of a frame or column is the cells of a file, which say nothing of types."""
    return bool(frame.attrs.get(WRITTEN))


__all__ = [
    "FOUND",
    "WRITTEN",
    "Carrier",
    "as_floats",
    "as_numbers",
    "as_text",
    "carrier_of",
    "is_written",
]
