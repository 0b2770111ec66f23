"""Columns of a CSV file that hold plain decimal numbers, which are read as such at once."""

import re
from collections.abc import Sequence

from quickstudy.tasks.tables.writing import MISSING

DECIMAL = re.compile(r"[+-]?(?:0|[1-9][0-9]*)?\.[0-9]+(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
COMMA = re.compile(r"[^A-Za-z]*[0-9],[0-9]+[^A-Za-z]*")
NO_NUMBERS = tuple(
    dict.fromkeys([*MISSING, *map(str.upper, MISSING), "NaN", "Nan", "None", "Null"])
)
"""Spellings of a missing number, as they are written."""


def plain_columns(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Say of each column whether the first rows hold plain numbers, some with a decimal point.

    Whole numbers are not enough: they may be codes with zeros before them. If one cell of the rows
    may have a decimal comma, points may stand between thousands, so no column is.

    Args:
        rows: The cells of the first rows, all of the same number.

    Example:
        >>> plain_columns([["1.5", "7", "a"], ["NA", "8", "1.5"]])
        [True, False, False]
    """
    columns = list(zip(*rows, strict=True))
    if any(COMMA.fullmatch(cell) for column in columns for cell in column):
        return [False] * len(columns)
    return [_is_plain(column) for column in columns]


def _is_plain(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.lower() not in MISSING]
    decimal = [bool(DECIMAL.fullmatch(cell)) for cell in filled]
    whole = (bool(WHOLE.fullmatch(cell)) for cell in filled)
    return any(decimal) and all(a or b for a, b in zip(decimal, whole, strict=True))


__all__ = ["NO_NUMBERS", "plain_columns"]
