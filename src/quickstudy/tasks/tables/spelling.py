"""The one spelling of a value, whatever the dtype that carries it."""

import datetime
import decimal
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

DECIMALS = re.compile(r"-?(0|[1-9][0-9]*)?\.[0-9]+|-?(0|[1-9][0-9]*)\.")
"""Text that writes a number with a decimal point and no needless zeros before it."""
WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
TRUTH = {"true": "True", "false": "False"}
OF_NUMBERS = ("integer", "floating", "decimal", "mixed-integer-float")
"""The names that pandas gives to the types of objects that are numbers."""
LARGEST_WHOLE = 1e16
"""Floating-point numbers from here on are written with an exponent."""


def spell(value: object) -> str:
    """Spell a value: ``1``, ``1.0``, ``"1"``, ``" 1.00"`` and ``Decimal(1)`` are all ``"1"``.

    Whole numbers have no decimals, truth values are ``"True"`` and ``"False"``, dates are in the
    order of ISO 8601. Any other text stays as it is without the blanks around it; so do zeros
    before a number, as in a postal code.

    Example:
        >>> spell(2.50), spell("2.5"), spell("TRUE"), spell("01"), spell("None")
        ('2.5', '2.5', 'True', '01', 'None')
    """
    if isinstance(value, str):
        return _spell_text(value.strip())
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, decimal.Decimal | numbers.Real):
        return _spell_number(value)
    if isinstance(value, datetime.date | np.datetime64):
        return _spell_date(pd.Timestamp(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _spell_text(text: str) -> str:
    if text[-5:].lower() in TRUTH or text[-4:].lower() in TRUTH:
        return TRUTH.get(text.lower(), text)
    return _spell_digits(text)


def _spell_digits(text: str) -> str:
    """Spell text that may write a number."""
    if "." in text and DECIMALS.fullmatch(text):
        return _without_zeros(text)
    return "0" if text == "-0" else text


def _without_zeros(text: str) -> str:
    """Give a number with a decimal point without zeros at its end, and with one before it."""
    sign, digits = _sign_and_digits(text.rstrip("0").rstrip("."))
    spelled = _with_whole_part(digits)
    return spelled if spelled == "0" else sign + spelled


def _sign_and_digits(text: str) -> tuple[str, str]:
    return ("-", text[1:]) if text.startswith("-") else ("", text)


def _with_whole_part(digits: str) -> str:
    whole, _, rest = digits.partition(".")
    return (whole or "0") + (f".{rest}" if rest else "")


def _spell_number(value: Any) -> str:
    if isinstance(value, decimal.Decimal):
        return _spell_text(f"{value:f}")
    return str(int(value)) if _is_whole(value) else str(value)


def _is_whole(value: Any) -> bool:
    """Whether a number is written without decimals and without an exponent."""
    return value == value and abs(value) < LARGEST_WHOLE and float(value).is_integer()


def _spell_date(moment: pd.Timestamp) -> str:
    day = moment.normalize() == moment
    return moment.strftime("%Y-%m-%d") if day else moment.isoformat(" ")


def spelled(
    values: "pd.Series[Any]", missing: Iterable[str] = (), written: bool = False
) -> pd.Categorical:
    """Give a column of any dtype as categories of the one spelling of its values, in order.

    Numbers and cells of a file that are all numbers are ordered by size, categories of pandas as
    they are, all others by their text.

    Args:
        values: The column.
        missing: Text that stands for no value; an empty cell always does.
        written: Whether its text is the cells of a file.
    """
    codes, distinct = _distinct(values)
    names = [spell(value) for value in distinct]
    nothing = {"", *map(spell, missing)}
    kept = [name for name in _in_order(values, names, written) if name not in nothing]
    return _categories(codes, names, kept)


def _categories(codes: np.ndarray, names: list[str], kept: list[str]) -> pd.Categorical:
    """Give cells as the categories ``kept``.

    Args:
        codes: The place of every cell's name among ``names``, −1 for none.
        names: Spellings of distinct values; one that is not kept is no value.
        kept: The categories, in order.
    """
    categories = pd.Index(kept, dtype=object)
    places = categories.get_indexer(pd.Index(names, dtype=object))
    return pd.Categorical.from_codes(np.append(places, -1)[codes], categories=categories)


def spell_each(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Spell every value of a column; an empty cell stays empty."""
    return values.map(spell, na_action="ignore")


def _distinct(values: "pd.Series[Any]") -> tuple[np.ndarray, Sequence[Any]]:
    """Give the place of every cell's value among the distinct ones, −1 for none, and these."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy(), list(values.cat.categories)
    # 1 and True are equal, so they are told apart by their spelling
    codes, distinct = pd.factorize(spell_each(values) if _is_mixed(values) else values)
    return codes, list(distinct)


def _is_mixed(values: "pd.Series[Any]") -> bool:
    """Whether a column holds values of several types."""
    return _type_of_objects(values).startswith("mixed")


def _type_of_objects(values: "pd.Series[Any]") -> str:
    """Give the name that pandas gives to the type of objects; empty for another dtype."""
    if values.dtype != object:
        return ""
    return pd.api.types.infer_dtype(values, skipna=True)


def _in_order(values: "pd.Series[Any]", names: list[str], written: bool) -> list[str]:
    """Give the distinct ``names`` in the order of their values."""
    distinct = list(dict.fromkeys(names))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return distinct
    cells = written and all(map(is_number, filter(None, names)))
    by_size = cells or _holds_numbers(values)
    return sorted(distinct, key=_size if by_size else None)


def _holds_numbers(values: "pd.Series[Any]") -> bool:
    if values.dtype != object:
        return bool(pd.api.types.is_numeric_dtype(values.dtype))
    return _type_of_objects(values) in OF_NUMBERS


def is_number(name: str) -> bool:
    """Whether a spelling is that of a number."""
    return bool(WHOLE.fullmatch(name) or DECIMALS.fullmatch(name))


def _size(name: str) -> tuple[float, str]:
    try:
        return float(name), name
    except ValueError:
        return np.inf, name


def label_codes(column: "pd.Series[Any]") -> tuple[np.ndarray, tuple[str, ...]]:
    """Give the number of every row's task or class, −1 for none, and their names in order.

    Args:
        column: Categories, as a schema reads them.
    """
    used = column.cat.remove_unused_categories()
    return used.cat.codes.to_numpy().astype(np.int64), tuple(used.cat.categories)


__all__ = ["is_number", "label_codes", "spell", "spell_each", "spelled"]
