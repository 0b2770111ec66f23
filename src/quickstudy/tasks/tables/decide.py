"""Decides from the training rows what a column holds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.carriers import Carrier, as_text, carrier_of
from quickstudy.tasks.tables.column_schema import ColumnSchema, Kind, cast, one_spelling
from quickstudy.tasks.tables.dates import format_of, is_ambiguous
from quickstudy.tasks.tables.spelling import spell_each
from quickstudy.tasks.tables.words import Text, Words
from quickstudy.tasks.tables.writing import (
    PLAINLY,
    Writing,
    all_match,
    has_commas,
    some_match,
    writing_of,
)

MOST_CATEGORIES = 200
LONG, MANY = 30, 20
"""Free text has at least so many letters on average, in more than so many different cells."""
ZEROS = r"^-?0[0-9]+$"
WHOLE = r"^\s*[+-]?[0-9]+\s*$"
OF_CARRIER: dict[str, tuple[Kind, str]] = {
    "number": ("number", "numbers"),
    "truth": ("truth value", "true and false"),
    "date": ("date", "dates"),
    "category": ("category", "so typed"),
}
"""Kind and reason by what the dtype of a column carries."""
OF_LENGTH = {frozenset({8}): "%Y%m%d", frozenset({4}): "%Y"}
"""Formats of dates of digits only, by their lengths; only if dates are asked for."""
NEARLY_ALL = 0.9
BUT_FOR = "numbers but for"
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

    def column(self, name: Any, kind: Kind, why: str) -> ColumnSchema:
        """Give the schema of a column of a kind."""
        return ColumnSchema(str(name), kind, why, self.missing)

    def counted(self, name: Any, kind: Kind, why: str, empty: np.ndarray) -> ColumnSchema:
        """Give the schema of a column whose cells ``empty`` ``[row]`` have no value."""
        found = self.column(name, kind, EMPTY if empty.all() else why)
        return replace(found, empty=int(empty.sum()))


def decide(values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    """Decide what a column holds.

    Raises:
        UserError: If its dtype holds no single values.
    """
    carrier = carrier_of(values)
    if carrier == "mixed":
        return decide(spell_each(values), replace(hint, cells=True))
    if carrier == "text":
        return _of_text(str(values.name), as_text(values), hint)
    _check_single(values, carrier)
    kind, why = OF_CARRIER[carrier]
    return hint.counted(values.name, kind, why, values.isna().to_numpy())


def _check_single(values: "pd.Series[Any]", carrier: Carrier) -> None:
    require(
        carrier != "other",
        f"Column {values.name!r} should hold a number, a category, a truth value, a date or text "
        f"in each cell. Found {values.dtype}: leave it out (--ignore {values.name}).",
    )


def decide_as(kind: str, values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    """Give the schema of a column whose ``kind`` is asked for.

    Raises:
        UserError: If the column cannot be read so.
    """
    if kind == "ignore":
        return hint.column(values.name, "ignore", "asked for")
    found = hint.column(values.name, _kind_of(kind), "asked for")
    if found.kind == "number" and carrier_of(values) == "text":
        found = replace(found, writing=_writing(values, hint))
    if found.kind == "date":
        found = replace(found, written=kind if "%" in kind else _format(values, hint))
    return with_empty(found, values)


def with_empty(column: ColumnSchema, values: "pd.Series[Any]") -> ColumnSchema:
    """Count how many cells of a column have no value, read as its schema says."""
    return replace(column, empty=int(column.read(values).isna().sum()))


def _writing(values: "pd.Series[Any]", hint: Hint) -> Writing:
    """Find how the numbers of a column of text are written."""
    return writing_of(_filled(as_text(values), hint), hint.comma) or PLAINLY


def _filled(text: Text, hint: Hint) -> Text:
    """Give the distinct cells that stand for a number or a date."""
    return Words.of_numbers(text, hint.missing).filled


def _kind_of(asked: str) -> Kind:
    kinds: dict[str, Kind] = {
        "number": "number",
        "category": "category",
        "truth value": "truth value",
    }
    return kinds.get(asked, "date")


def _format(values: "pd.Series[Any]", hint: Hint) -> str:
    """Give the format of dates that are asked for; empty if a dtype carries them."""
    if carrier_of(values) in ("date", "category"):
        return ""
    words = _filled(as_text(one_spelling(values)), hint)
    lengths = frozenset(map(len, words.to_pylist()))
    return format_of(words) or OF_LENGTH.get(lengths, "")


def _of_text(name: str, text: Text, hint: Hint) -> ColumnSchema:
    return _plain_numbers(name, text, hint) or _by_words(name, text, hint)


def _plain_numbers(name: str, text: Text, hint: Hint) -> ColumnSchema | None:
    """Take cells that are all plain numbers for such, without looking at each."""
    found = cast(text) if hint.cells and not hint.comma else None
    if found is None or _has_zeros(text):
        return None
    return hint.counted(name, "number", "numbers", np.isnan(found))


def _by_words(name: str, text: Text, hint: Hint) -> ColumnSchema:
    words = Words.of_numbers(text, hint.missing)
    found = _of_words(name, words, hint)
    if found.kind != "category":
        return replace(found, empty=words.num_empty)
    return _category_or_text(found, text)


def _category_or_text(category: ColumnSchema, text: Text) -> ColumnSchema:
    """Take a column of text for categories, or for free text if its cells are long."""
    words = Words.of_categories(text, category.missing)
    found = replace(category, empty=words.num_empty)
    long = _is_long(words.filled, len(text) - found.empty)
    return replace(found, kind="text", why="long text") if long else found


def _of_words(name: str, words: Words, hint: Hint) -> ColumnSchema:
    """Decide by the distinct cells that are not missing."""
    if not len(words.filled):
        return hint.column(name, "number", EMPTY)
    if set(words.small) <= {"true", "false"}:
        return hint.column(name, "truth value", "true and false")
    return _date(name, words.filled, hint) or _number_or_category(name, words.filled, hint)


def _date(name: str, words: Text, hint: Hint) -> ColumnSchema | None:
    """Take words for dates if all are; None if one is none."""
    written = format_of(words)
    if written is None:
        return None
    return replace(hint.column(name, "date", _told(words, written)), written=written)


def _number_or_category(name: str, words: Text, hint: Hint) -> ColumnSchema:
    if _are_codes(words, hint):
        told = "numbers with zeros before them" if hint.cells else "digits held as text"
        return hint.column(name, "category", told)
    writing = writing_of(words, hint.comma)
    return _number(name, writing, hint) if writing else _no_number(name, words, hint)


def _number(name: str, writing: Writing, hint: Hint) -> ColumnSchema:
    told = f"numbers, {writing}" if str(writing) else "numbers"
    return replace(hint.column(name, "number", told), writing=writing)


def _no_number(name: str, words: Text, hint: Hint) -> ColumnSchema:
    """Take words for categories, or for text if nearly all of them are numbers."""
    odd = _odd_among_numbers(words)
    if odd is not None:
        return hint.column(name, "text", f"{BUT_FOR} {odd!r}")
    return hint.column(name, "category", f"text of {len(words)} values")


def _odd_among_numbers(words: Text) -> str | None:
    """Give a word that is none of the measured numbers that nearly all the others are.

    Whole numbers count for nothing: they may be codes.
    """
    numbers = PLAINLY.parse(words)
    count = len(words) - numbers.null_count
    whole = pc.all(pc.equal(numbers, pc.floor(numbers)), min_count=0).as_py()
    if whole or count <= MANY or count < NEARLY_ALL * len(words):
        return None
    return str(words.filter(numbers.is_null())[0].as_py())


def _are_codes(words: Text, hint: Hint) -> bool:
    """Whether digits are no numbers: a frame holds them as text, or zeros stand before them."""
    if not all_match(words, WHOLE):
        return False
    return not hint.cells or (len(words) <= MOST_CATEGORIES and _has_zeros(words))


def _has_zeros(text: Text) -> bool:
    return some_match(text.filter(pc.starts_with(text, "0")), ZEROS)


def _told(words: Text, written: str) -> str:
    told = "dates" if written == "ISO8601" else f"dates as {written}"
    doubt = is_ambiguous(words, written)
    return f"{told}; nothing says whether the day or the month is first" if doubt else told


def _is_long(words: Text, filled: int) -> bool:
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
    if column.kind == "text":
        raise UserError(_told_of_text(column, values))
    if column.kind == "category":
        _check_count(column.name, column.read(values).nunique())


def _check_count(name: str, count: int) -> None:
    require(
        count <= MOST_CATEGORIES,
        f"Column {name!r} should hold at most {MOST_CATEGORIES} categories, a feature each. Found "
        f"{count}: {_ways(name)}",
    )


def _told_of_text(column: ColumnSchema, values: "pd.Series[Any]") -> str:
    """Say why text is refused, and how to go on."""
    ways = _ways(column.name)
    if column.why.startswith(BUT_FOR):
        return (
            f"Column {column.name!r} holds {column.why}: say that it is missing (--missing), or "
            f"{ways}"
        )
    count = values.nunique()
    return (
        f"Column {column.name!r} holds free text ({count} different cells), which no number "
        f"stands for: {ways}"
    )


def _ways(name: str) -> str:
    """Say how to go on with a column of too many values."""
    return (
        f"leave it out (--ignore {name}), or take its {MOST_CATEGORIES} most frequent values "
        f"(--categories {name}); in Python columns={{{name!r}: 'ignore'}} or 'category'."
    )


def writes_commas(values: "pd.Series[Any]", missing: tuple[str, ...]) -> bool:
    """Whether the first rows of a column of text hold decimal commas without doubt."""
    text = as_text(values.iloc[:SAMPLE_ROWS])
    words = _filled(text, Hint(missing)) if cast(text) is None else ()
    return len(words) > 0 and has_commas(words)


__all__ = [
    "MOST_CATEGORIES",
    "Hint",
    "decide",
    "decide_as",
    "refuse_many",
    "with_empty",
    "writes_commas",
]
