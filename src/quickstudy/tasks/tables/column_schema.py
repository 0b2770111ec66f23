"""How one column is read, in every file and frame."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quickstudy.errors import UserError
from quickstudy.tasks.tables.carriers import Carrier, as_numbers, as_text, carrier_of
from quickstudy.tasks.tables.dates import parse_dates, without_zone
from quickstudy.tasks.tables.spelling import is_number, spell, spell_each, spelled
from quickstudy.tasks.tables.words import Text, Words
from quickstudy.tasks.tables.writing import PLAINLY, Writing, writing_of

Kind = Literal["number", "category", "truth value", "date", "text", "ignore"]
TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
NO_DATE = np.datetime64("NaT", "us")
PLURAL = {"truth value": "true and false", "category": "categories"}
"""What a column of a kind holds, if it is not the kind's name with an s."""


@dataclass(frozen=True)
class ColumnSchema:
    """The kind of a column, decided by training, and how its cells are read.

    Attributes:
        name: The column.
        kind: What it holds. Free text and ignored columns are not read.
        why: What decided it.
        missing: Text that stands for no value, besides the usual spellings in numbers, dates and
            truth values.
        empty: How many cells of training had no value.
        writing: How numbers are written.
        written: How dates are written: ``"ISO8601"``, or a format of ``strptime``.
    """

    name: str
    kind: Kind
    why: str = ""
    missing: tuple[str, ...] = ()
    empty: int = 0
    writing: Writing = PLAINLY
    written: str = ""

    def read(self, values: "pd.Series[Any]", cells: bool = False) -> "pd.Series[Any]":
        """Give the values of a column in one dtype, whatever dtype carries them.

        Numbers are ``float64``, truth values ``boolean``, dates ``datetime64[us]``, and categories
        of pandas of the one spelling of every value. What is read is read again as it is.

        Args:
            values: The column.
            cells: Whether its text is the cells of a file: then categories that are all numbers are
                ordered by size.

        Raises:
            UserError: If it holds something else.
        """
        carrier = carrier_of(values)
        if carrier == "other":
            raise self._refused(values.dtype)
        if self.kind == "category":
            return _series(values, spelled(values, self.missing, cells))
        if carrier == "category":
            return self._by_category(values)
        if carrier == "mixed":
            return self.read(spell_each(values))
        return _series(values, self._array(values, carrier))

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, to be kept with a run."""
        return {**asdict(self), "missing": list(self.missing)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ColumnSchema":
        """Give the column that ``to_dict`` described."""
        missing, writing = tuple(values["missing"]), Writing(**values["writing"])
        return cls(**{**values, "missing": missing, "writing": writing})

    def _by_category(self, values: "pd.Series[Any]") -> "pd.Series[Any]":
        """Read the categories of pandas, each once."""
        if isinstance(values.dtype, pd.ArrowDtype):
            return self.read(values.astype("category"))
        read = self.read(pd.Series(values.cat.categories, name=values.name))
        return _series(values, read.reindex(values.cat.codes).array)

    def _array(self, values: "pd.Series[Any]", carrier: Carrier) -> Any:
        if self.kind == "date":
            return self._dates(values, carrier)
        if carrier == "date":
            raise self._refused(values.dtype)
        if self.kind == "truth value":
            return self._truth(values, carrier)
        return self._numbers(values, carrier)

    def _numbers(self, values: "pd.Series[Any]", carrier: Carrier) -> np.ndarray:
        found = self._parsed(as_text(values)) if carrier == "text" else as_numbers(values)
        return self._finite(self._without_missing(found))

    def _finite(self, found: np.ndarray) -> np.ndarray:
        """Raise if a number is infinite."""
        if np.isinf(found).any():
            raise UserError(f"Column {self.name!r} should hold finite numbers. Found infinity.")
        return found

    def _without_missing(self, found: np.ndarray) -> np.ndarray:
        """Put NaN in place of the numbers that stand for no value."""
        said = [float(text) for text in self.missing if is_number(spell(text))]
        return np.where(np.isin(found, said), np.nan, found) if said else found

    def _parsed(self, text: Text) -> np.ndarray:
        """Give the numbers that the text of a column is."""
        plain = self._plain_numbers(text)
        return self._written_numbers(self._words(text)) if plain is None else plain

    def _plain_numbers(self, text: Text) -> np.ndarray | None:
        """Read numbers as Python writes them, if training wrote them so; None if one is none."""
        return cast(text) if self.writing == PLAINLY else None

    def _written_numbers(self, words: Words) -> np.ndarray:
        """Read numbers as training wrote them, or else as these are written."""
        for writing in self._writings(words.filled):
            found = writing.parse(words.filled)
            if not found.null_count:
                return words.spread(_floats(found), np.nan)
        return self._truths(words)

    def _writings(self, filled: Text) -> Iterator[Writing]:
        yield self.writing
        other = writing_of(filled, self.writing.decimal == ",")
        if other is not None:
            yield other

    def _truths(self, words: Words) -> np.ndarray:
        """Read truth values as numbers."""
        found = [TRUTH.get(word) for word in words.small]
        if None in found:
            raise self._refused(self._wrong(words, found))
        return words.spread(found, np.nan)

    def _wrong(self, words: Words, truths: list[float | None]) -> str:
        """Give the first cell that is no number."""
        numbers = self.writing.parse(words.filled).to_pylist()
        both = zip(numbers, truths, strict=True)
        wrong = (place for place, pair in enumerate(both) if pair == (None, None))
        return str(words.filled[next(wrong, 0)].as_py())

    def _truth(self, values: "pd.Series[Any]", carrier: Carrier) -> pd.arrays.BooleanArray:
        text = carrier == "text"
        found = self._truths(self._words(as_text(values))) if text else as_numbers(values)
        self._check_truth(found)
        return pd.arrays.BooleanArray(found == 1, np.isnan(found))

    def _check_truth(self, found: np.ndarray) -> None:
        other = found[~np.isin(found, (0.0, 1.0)) & ~np.isnan(found)]
        if len(other):
            raise self._refused(spell(other[0]))

    def _dates(self, values: "pd.Series[Any]", carrier: Carrier) -> Any:
        if carrier == "date":
            return without_zone(values).array
        words = self._words(as_text(one_spelling(values)))
        if not len(words.filled):
            return np.full(len(values), NO_DATE)
        return words.spread(self._written_dates(words.filled), NO_DATE)

    def _written_dates(self, filled: Text) -> np.ndarray:
        found = parse_dates(filled, self.written)
        if found is None:
            raise self._refused(filled[0].as_py())
        return found.to_numpy()

    def _words(self, text: Text) -> Words:
        return Words.of_numbers(text, self.missing)

    def _refused(self, found: Any) -> UserError:
        wanted = PLURAL.get(self.kind, f"{self.kind}s")
        found = repr(found) if isinstance(found, str) else found
        return UserError(f"Column {self.name!r} should hold {wanted}. Found {found}.")


def _series(like: "pd.Series[Any]", values: Any) -> "pd.Series[Any]":
    return pd.Series(values, index=like.index, name=like.name, copy=False)


def one_spelling(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Give a column as text in the one spelling of its values; text stays as it is."""
    if carrier_of(values) == "text":
        return values
    return spell_each(values.astype(object)).astype("string")


def cast(text: Text) -> np.ndarray | None:
    """Give text as plain numbers, NaN for an empty cell; None if some is none."""
    try:
        return _floats(pc.cast(text, pa.float64()))
    except pa.ArrowInvalid:
        return None


def _floats(found: Any) -> np.ndarray:
    """Give an Arrow array of numbers as one of NumPy, NaN for null."""
    numbers: np.ndarray = found.to_numpy(zero_copy_only=False)
    return numbers


__all__ = ["ColumnSchema", "Kind", "cast", "one_spelling"]
