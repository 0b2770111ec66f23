"""Decides from the training rows what a column holds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.carriers import as_text, carrier_of
from quickstudy.tasks.tables.column_schema import ColumnSchema, Kind, cast, texts_of
from quickstudy.tasks.tables.dates import format_of, is_ambiguous
from quickstudy.tasks.tables.spelling import spell
from quickstudy.tasks.tables.words import Text, Words
from quickstudy.tasks.tables.writing import PLAINLY, all_match, has_commas, some_match, writing_of

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


def decide(values: "pd.Series[Any]", hint: Hint) -> ColumnSchema:
    """Decide what a column holds.

    Raises:
        UserError: If its dtype holds no single values.
    """
    carrier = carrier_of(values)
    require(
        carrier != "other",
        f"Column {values.name!r} should hold a number, a category, a truth value, a date or text "
        f"in each cell. Found {values.dtype}: leave it out (--ignore {values.name}).",
    )
    if carrier == "mixed":
        return decide(values.map(spell, na_action="ignore"), replace(hint, cells=True))
    if carrier == "text":
        return _of_text(str(values.name), as_text(values), hint)
    kind, why = OF_CARRIER[carrier]
    empty = int(values.isna().sum())
    return replace(
        hint.column(values.name, kind, why if empty < len(values) else EMPTY), empty=empty
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
        words = Words.of_numbers(as_text(values), hint.missing).filled
        found = replace(found, writing=writing_of(words, hint.comma) or PLAINLY)
    if found.kind == "date":
        found = replace(found, written=kind if "%" in kind else _format(values, hint))
    return replace(found, empty=int(found.read(values).isna().sum()))


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
    words = Words.of_numbers(as_text(texts_of(values)), hint.missing).filled
    lengths = frozenset(map(len, words.to_pylist()))
    return format_of(words) or OF_LENGTH.get(lengths, "")


def _of_text(name: str, text: Text, hint: Hint) -> ColumnSchema:
    plain = hint.cells and not hint.comma
    return (_plain_numbers(name, text, hint) if plain else None) or _by_words(name, text, hint)


def _plain_numbers(name: str, text: Text, hint: Hint) -> ColumnSchema | None:
    """Take cells that are all plain numbers for such, without looking at each."""
    found = cast(text)
    if found is None or _has_zeros(text):
        return None
    empty = int(np.isnan(found).sum())
    why = "numbers" if empty < len(found) else EMPTY
    return replace(hint.column(name, "number", why), empty=empty)


def _by_words(name: str, text: Text, hint: Hint) -> ColumnSchema:
    words = Words.of_numbers(text, hint.missing)
    found = _of_words(name, words, hint)
    if found.kind != "category":
        return replace(found, empty=words.num_empty)
    words = Words.of_categories(text, hint.missing)
    found = replace(found, empty=words.num_empty)
    long = _is_long(words.filled, len(text) - found.empty)
    return replace(found, kind="text", why="long text") if long else found


def _of_words(name: str, words: Words, hint: Hint) -> ColumnSchema:
    """Decide by the distinct cells that are not missing."""
    if not len(words.filled):
        return hint.column(name, "number", EMPTY)
    if set(words.small) <= {"true", "false"}:
        return hint.column(name, "truth value", "true and false")
    written = format_of(words.filled)
    if written is not None:
        found = hint.column(name, "date", _told(words.filled, written))
        return replace(found, written=written)
    if _are_codes(words.filled, hint):
        told = "numbers with zeros before them" if hint.cells else "digits held as text"
        return hint.column(name, "category", told)
    return _number_or_category(name, words.filled, hint)


def _number_or_category(name: str, words: Text, hint: Hint) -> ColumnSchema:
    writing = writing_of(words, hint.comma)
    if writing is None:
        odd = _odd_among_numbers(words)
        if odd is not None:
            return hint.column(name, "text", f"{BUT_FOR} {odd!r}")
        return hint.column(name, "category", f"text of {len(words)} values")
    told = f"numbers, {writing}" if str(writing) else "numbers"
    return replace(hint.column(name, "number", told), writing=writing)


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
    if column.why.startswith(BUT_FOR):
        raise UserError(
            f"Column {column.name!r} holds {column.why}: say that it is missing (--missing), or "
            f"{_ways(column.name)}"
        )
    if column.kind == "text":
        raise UserError(
            f"Column {column.name!r} holds free text ({values.nunique()} different cells), which "
            f"no number stands for: {_ways(column.name)}"
        )
    if column.kind == "category":
        count = column.read(values).nunique()
        require(
            count <= MOST_CATEGORIES,
            f"Column {column.name!r} should hold at most {MOST_CATEGORIES} categories, a feature "
            f"each. Found {count}: {_ways(column.name)}",
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
    if cast(text) is not None:
        return False
    words = Words.of_numbers(text, missing).filled
    return len(words) > 0 and has_commas(words)


__all__ = ["MOST_CATEGORIES", "Hint", "decide", "decide_as", "refuse_many", "writes_commas"]
