"""How one column is read, in every file and frame."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from quickstudy.errors import UserError
from quickstudy.tasks.tables.carriers import as_numbers, as_text, carrier_of
from quickstudy.tasks.tables.dates import parse_dates, without_zone
from quickstudy.tasks.tables.spelling import is_number, spell, spelled
from quickstudy.tasks.tables.writing import PLAINLY, Writing, is_missing_number, writing_of

Kind = Literal["number", "category", "truth value", "date", "text", "ignore"]
TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


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
            return self._series(values, spelled(values, self.missing, cells))
        if carrier == "category":
            return self._by_category(values)
        if carrier == "mixed":
            return self.read(values.map(spell, na_action="ignore"))
        read = {"number": self._numbers, "truth value": self._truth, "date": self._dates}
        return read[self.kind](values, carrier)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, to be kept with a run."""
        return {**asdict(self), "missing": list(self.missing)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ColumnSchema":
        """Give the column that ``to_dict`` described."""
        missing, writing = tuple(values["missing"]), Writing(**values["writing"])
        return cls(**{**values, "missing": missing, "writing": writing})

    def _series(self, like: "pd.Series[Any]", values: Any) -> "pd.Series[Any]":
        return pd.Series(values, index=like.index, name=like.name, copy=False)

    def _by_category(self, values: "pd.Series[Any]") -> "pd.Series[Any]":
        """Read the categories of pandas, each once."""
        if isinstance(values.dtype, pd.ArrowDtype):
            return self.read(values.astype("category"))
        read = self.read(pd.Series(values.cat.categories, name=values.name))
        return self._series(values, read.reindex(values.cat.codes).array)

    def _numbers(self, values: "pd.Series[Any]", carrier: str) -> "pd.Series[Any]":
        if carrier == "date":
            raise self._refused(values.dtype)
        found = self._parsed(values) if carrier == "text" else as_numbers(values)
        said = [float(text) for text in self.missing if is_number(spell(text))]
        if said:
            found = np.where(np.isin(found, said), np.nan, found)
        if np.isinf(found).any():
            raise UserError(f"Column {self.name!r} should hold finite numbers. Found infinity.")
        return self._series(values, found)

    def _parsed(self, values: "pd.Series[Any]") -> np.ndarray:
        """Give the numbers that the text of a column is."""
        text = as_text(values)
        quick = cast(text) if self.writing == PLAINLY else None
        if quick is not None:
            return quick
        words, places = self._words(text)
        real = words.drop_null()
        for writing in (self.writing, writing_of(real, self.writing.decimal == ",")):
            found = None if writing is None else writing.parse(real)
            if found is not None and not found.null_count:
                return _placed(found, words, places)
        return self._truths(words, places, real)

    def _truths(self, words: Any, places: np.ndarray, real: Any) -> np.ndarray:
        """Read truth values as numbers."""
        found = [TRUTH.get(word.strip().lower()) for word in real.to_pylist()]
        if None in found:
            raise self._refused(self._wrong(real, found))
        return _placed(pa.array(found, pa.float64()), words, places)

    def _wrong(self, real: Any, truths: list[float | None]) -> str:
        """Give the first word that is no number."""
        numbers = self.writing.parse(real).to_pylist()
        both = zip(real.to_pylist(), numbers, truths, strict=True)
        wrong = (word for word, number, truth in both if number is None and truth is None)
        return next(wrong, real[0].as_py())

    def _truth(self, values: "pd.Series[Any]", carrier: str) -> "pd.Series[Any]":
        if carrier == "date":
            raise self._refused(values.dtype)
        if carrier == "text":
            words, places = self._words(as_text(values))
            found = self._truths(words, places, words.drop_null())
        else:
            found = as_numbers(values)
        other = found[~np.isin(found, (0.0, 1.0)) & ~np.isnan(found)]
        if len(other):
            raise self._refused(spell(other[0]))
        truth = pd.arrays.BooleanArray(found == 1, np.isnan(found))
        return self._series(values, truth)

    def _dates(self, values: "pd.Series[Any]", carrier: str) -> "pd.Series[Any]":
        if carrier == "date":
            return without_zone(values)
        if carrier != "text":  # 20200131, say
            values = values.astype(object).map(spell, na_action="ignore").astype("string")
        words, places = self._words(as_text(values))
        real = words.drop_null()
        found = parse_dates(real, self.written) if len(real) else pd.Series([], dtype="M8[us]")
        if found is None:
            raise self._refused(real[0].as_py())
        nothing = np.full(len(words) + 1, np.datetime64("NaT", "us"))
        nothing[:-1][np.asarray(words.is_valid())] = found.to_numpy()
        return self._series(values, nothing[places])

    def _words(self, text: Any) -> tuple[Any, np.ndarray]:
        """Give the distinct cells, null for those that are missing, and each cell's place."""
        return distinct_words(text, self.missing)

    def _refused(self, found: Any) -> UserError:
        kinds = {"truth value": "true and false", "category": "categories"}
        wanted = kinds.get(self.kind, f"{self.kind}s")
        found = repr(found) if isinstance(found, str) else found
        return UserError(f"Column {self.name!r} should hold {wanted}. Found {found}.")


def cast(text: Any) -> np.ndarray | None:
    """Give text as plain numbers, NaN for an empty cell; None if some is none."""
    try:
        found = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None
    numbers: np.ndarray = found.to_numpy(zero_copy_only=False)
    return numbers


def distinct_words(text: Any, missing: tuple[str, ...]) -> tuple[Any, np.ndarray]:
    """Give the distinct cells of a column of numbers or dates, null for those that are missing.

    Returns:
        The words, and the place of each cell among them; that of an empty cell is one behind.
    """
    found = text.dictionary_encode()
    words = found.dictionary
    empty = pc.or_(is_missing_number(words), _is_in(words, missing))
    places = found.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)
    return pc.if_else(empty, pa.scalar(None, words.type), words), places


def _is_in(words: Any, missing: tuple[str, ...]) -> Any:
    trimmed = pc.utf8_trim_whitespace(words)
    return pc.is_in(trimmed, pa.array([text.strip() for text in missing], words.type))


def _placed(numbers: Any, words: Any, places: np.ndarray) -> np.ndarray:
    """Give every cell its number: ``numbers`` are those of the words that are not missing."""
    found = np.full(len(words) + 1, np.nan)
    found[:-1][np.asarray(words.is_valid())] = numbers.to_numpy(zero_copy_only=False)
    return found[places]


__all__ = ["ColumnSchema", "Kind", "cast", "distinct_words"]
