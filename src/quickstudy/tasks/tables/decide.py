"""Decides from the training rows what a column holds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.carriers import as_text, carrier_of
from quickstudy.tasks.tables.column_schema import ColumnSchema, cast, distinct_words
from quickstudy.tasks.tables.dates import format_of, is_ambiguous
from quickstudy.tasks.tables.spelling import spell
from quickstudy.tasks.tables.writing import PLAINLY, has_commas, writing_of

MOST_CATEGORIES = 200
LONG, MANY = 30, 20
"""Free text has at least so many letters on average, in more than so many different cells."""
ZEROS = r"^-?0[0-9]+$"
WHOLE = r"^[+-]?[0-9]+$"
OF_DTYPE = {"number": "numbers", "truth": "true and false", "date": "dates", "category": "so typed"}
OF_LENGTH = {frozenset({8}): "%Y%m%d", frozenset({4}): "%Y"}
"""Formats of dates of digits only, by their lengths; only if dates are asked for."""
EMPTY = "no cell is filled"
SAMPLE_ROWS = 1000
"""Rows that say whether a table has decimal commas."""


@dataclass(frozen=True)
class Hint:
    """What is known of a table beside the column that is decided.

    Attributes:
        missing: Text that stands for no value.
        comma: Whether numbers have decimal commas, if they can be read both ways.
        cells: Whether text is the cells of a file, which says nothing of types.
    """

    missing: tuple[str, ...] = ()
    comma: bool = False
    cells: bool = False


def decide(values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    """Decide what a column holds.

    Raises:
        UserError: If its dtype holds no single values.
    """
    name, carrier = str(values.name), carrier_of(values)
    require(
        carrier != "other",
        f"Column {name!r} should hold a number, a category, a truth value, a date or text in each "
        f"cell. Found {values.dtype}: leave it out (--ignore {name}).",
    )
    if carrier == "mixed":
        return decide(values.map(spell, na_action="ignore"), replace(hint, cells=True))
    if carrier == "text":
        return _of_text(name, as_text(values), hint)
    kinds: Any = {"truth": "truth value"}
    kind, empty = kinds.get(carrier, carrier), int(values.isna().sum())
    why = OF_DTYPE[carrier] if empty < len(values) else EMPTY
    return ColumnSchema(name, kind, why, hint.missing, empty)


def decide_as(kind: str, values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    """Give the schema of a column whose ``kind`` is asked for.

    Raises:
        UserError: If the column cannot be read so.
    """
    found = ColumnSchema(str(values.name), "ignore", "asked for", hint.missing)
    if kind == "date" or "%" in kind:
        found = _as_dates(kind, values, hint)
    elif kind == "number":
        found = _as_numbers(values, hint)
    elif kind != "ignore":
        found = replace(found, kind=kind)
    if found.kind == "ignore":
        return found
    return replace(found, why="asked for", empty=int(found.read(values).isna().sum()))


def _as_numbers(values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    found = ColumnSchema(str(values.name), "number", "asked for", hint.missing)
    if carrier_of(values) != "text":
        return found
    words = distinct_words(as_text(values), hint.missing)[0].drop_null()
    return replace(found, writing=writing_of(words, hint.comma) or PLAINLY)


def _as_dates(kind: str, values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    found = ColumnSchema(str(values.name), "date", "asked for", hint.missing)
    if kind != "date":
        return replace(found, written=kind)
    if carrier_of(values) in ("date", "category"):
        return found
    text = values.astype(object).map(spell, na_action="ignore").astype("string")
    words = distinct_words(as_text(text), hint.missing)[0].drop_null()
    written = format_of(words)
    if written is None:
        written = OF_LENGTH.get(frozenset(map(len, words.to_pylist())), "")
    return replace(found, written=written)


def _of_text(name: str, text: Any, hint: Hint) -> ColumnSchema:
    quick = None if hint.comma and hint.cells else cast(text)
    if quick is not None and hint.cells and not _has_zeros(text):
        empty = int(np.isnan(quick).sum())
        why = "numbers" if empty < len(text) else EMPTY
        return ColumnSchema(name, "number", why, hint.missing, empty)
    words, places = distinct_words(text, hint.missing)
    found = _of_words(name, words.drop_null(), hint)
    if found.kind == "category":
        words, places = _as_written(text, hint.missing)
    empty = np.append(np.asarray(words.is_null()), True)
    found = replace(found, empty=int(empty[places].sum()))
    filled = len(text) - found.empty
    long = found.kind == "category" and _is_long(words.drop_null(), filled)
    return replace(found, kind="text", why="long text") if long else found


def _as_written(text: Any, missing: tuple[str, ...]) -> tuple[Any, np.ndarray]:
    """Give distinct cells as categories have them: only an empty cell is missing."""
    found = text.dictionary_encode()
    words = pc.utf8_trim_whitespace(found.dictionary)
    empty = pc.is_in(words, pa.array(["", *(one.strip() for one in missing)], words.type))
    places = found.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return pc.if_else(empty, pa.scalar(None, words.type), words), places


def _of_words(name: str, words: Any, hint: Hint) -> ColumnSchema:
    """Decide by the distinct cells that are not missing."""
    missing = hint.missing
    if not len(words):
        return ColumnSchema(name, "number", EMPTY, missing)
    if set(pc.utf8_lower(pc.utf8_trim_whitespace(words)).to_pylist()) <= {"true", "false"}:
        return ColumnSchema(name, "truth value", "true and false", missing)
    written = format_of(words)
    if written is not None:
        return ColumnSchema(name, "date", _of_format(words, written), missing, written=written)
    if _are_codes(words, hint):
        told = "numbers with zeros before them" if hint.cells else "digits held as text"
        return ColumnSchema(name, "category", told, missing)
    writing = writing_of(words, hint.comma)
    if writing is not None:
        told = f"numbers, {writing}" if str(writing) else "numbers"
        return ColumnSchema(name, "number", told, missing, writing=writing)
    return ColumnSchema(name, "category", f"text of {len(words)} values", missing)


def _are_codes(words: Any, hint: Hint) -> bool:
    """Whether digits are no numbers: a frame holds them as text, or zeros stand before them."""
    if not hint.cells:
        return bool(pc.all(pc.match_substring_regex(words, WHOLE), min_count=0).as_py())
    whole = bool(pc.all(pc.match_substring_regex(words, WHOLE), min_count=0).as_py())
    return whole and len(words) <= MOST_CATEGORIES and _has_zeros(words)


def _has_zeros(text: Any) -> bool:
    likely = text.filter(pc.starts_with(text, "0"))
    return bool(pc.any(pc.match_substring_regex(likely, ZEROS), min_count=0).as_py())


def _of_format(words: Any, written: str) -> str:
    told = "dates" if written == "ISO8601" else f"dates as {written}"
    doubt = is_ambiguous(words, written)
    return f"{told}; nothing says whether the day or the month is first" if doubt else told


def _is_long(words: Any, filled: int) -> bool:
    """Whether cells are free text: long, and most of them different."""
    count = len(words)
    if count <= MANY or count <= filled / 2:
        return False
    return bool(pc.mean(pc.utf8_length(words)).as_py() >= LONG)


def refuse_many(column: ColumnSchema, values: "pd.Series[Any]") -> None:
    """Raise if a column to predict from is free text, or has too many categories.

    Raises:
        UserError: If so, with the way to go on.
    """
    name = column.name
    ways = (
        f"leave it out (--ignore {name}), or take its {MOST_CATEGORIES} most frequent values "
        f"(--categories {name}); in Python columns={{{name!r}: 'ignore'}} or 'category'."
    )
    if column.kind == "text":
        raise UserError(
            f"Column {name!r} holds free text ({values.nunique()} different cells), which no "
            f"number stands for: {ways}"
        )
    if column.kind == "category" and column.why != "asked for":
        count = column.read(values).nunique()
        require(
            count <= MOST_CATEGORIES,
            f"Column {name!r} should hold at most {MOST_CATEGORIES} categories, a feature each. "
            f"Found {count}: {ways}",
        )


def writes_commas(values: "pd.Series[Any]", missing: tuple[str, ...]) -> bool:
    """Whether the first rows of a column of text hold decimal commas without doubt."""
    text = as_text(values.iloc[:SAMPLE_ROWS])
    if cast(text) is not None:
        return False
    words = distinct_words(text, missing)[0].drop_null()
    return len(words) > 0 and has_commas(words)


__all__ = ["MOST_CATEGORIES", "Hint", "decide", "decide_as", "refuse_many", "writes_commas"]
