"""The distinct cells of a column of text, so that each is read once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from quickstudy.tasks.tables.writing import is_missing_number

Text = Any
"""An Arrow array of strings."""


@dataclass(frozen=True, eq=False)
class Words:
    """Distinct cells, and which of them each row has.

    Attributes:
        distinct: The distinct cells, null for those that stand for no value.
        places: The place of every row's cell among them ``[row]``; that of an empty cell is one
            behind the last.
    """

    distinct: Text
    places: np.ndarray

    @classmethod
    def of_numbers(cls, text: Text, missing: tuple[str, ...]) -> "Words":
        """Take the usual spellings of a missing number, and those in ``missing``, as no value."""
        words, places = _encoded(text)
        empty = pc.or_(is_missing_number(words), _is_in(words, missing))
        return cls(nulled(words, empty), places)

    @classmethod
    def of_categories(cls, text: Text, missing: tuple[str, ...]) -> "Words":
        """Take empty cells, and those in ``missing``, as no value."""
        words, places = _encoded(text)
        return cls(nulled(words, _is_in(words, ("", *missing))), places)

    @cached_property
    def filled(self) -> Text:
        """The distinct cells that stand for a value."""
        return self.distinct.drop_null()

    @property
    def num_empty(self) -> int:
        """The number of rows without a value."""
        empty = np.append(np.asarray(self.distinct.is_null()), True)
        return int(empty[self.places].sum())

    @property
    def small(self) -> list[str]:
        """The filled cells in small letters, without the blanks around them."""
        found: list[str] = pc.utf8_lower(pc.utf8_trim_whitespace(self.filled)).to_pylist()
        return found

    def spread(self, values: Any, nothing: Any) -> np.ndarray:
        """Give every row its value.

        Args:
            values: Those of the filled cells.
            nothing: The value of a row without one.
        """
        found = np.full(len(self.distinct) + 1, nothing)
        found[:-1][np.asarray(self.distinct.is_valid())] = values
        return found[self.places]


def _encoded(text: Text) -> tuple[Text, np.ndarray]:
    found = text.dictionary_encode()
    words = found.dictionary
    return words, found.indices.fill_null(len(words)).to_numpy(zero_copy_only=False)


def _is_in(words: Text, missing: tuple[str, ...]) -> Text:
    said = pa.array([text.strip() for text in missing], words.type)
    return pc.is_in(pc.utf8_trim_whitespace(words), said)


def nulled(words: Text, empty: Text) -> Text:
    """Put null in place of the words that are ``empty`` (true or false)."""
    return pc.if_else(empty, pa.scalar(None, words.type), words)


__all__ = ["Text", "Words", "nulled"]
