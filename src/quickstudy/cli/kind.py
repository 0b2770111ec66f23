"""The values that an option takes, read off the type of its parameter."""

import dataclasses
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from quickstudy.errors import UserError

WORDS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
MEANT = {int: "a whole number", float: "a number"}
PLAIN = (int, float, str, Path, bool)
"""Types of one value."""
UNIONS = (typing.Union, types.UnionType)
SEVERAL = (tuple, list, Sequence)
NONE = type(None)


@dataclasses.dataclass(frozen=True)
class Kind:
    """The values that an option takes.

    Attributes:
        base: The type of one value: int, float, str, Path or bool.
        choices: The values, if they are few.
        size: None for one value, 0 for any number of values, else the number.
        optional: Whether ``none`` is a value.
        also: Another type that a value may have, for a choice or an int.
    """

    base: type
    choices: tuple[str, ...] = ()
    size: int | None = None
    optional: bool = False
    also: type | None = None

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off."""
        return self.base is bool and self.size is None

    @property
    def words(self) -> str:
        """The word in the help for the values."""
        if self.size is None:
            return self._word
        return f"{self._word} ..." if self.size == 0 else " ".join([self._word] * self.size)

    @property
    def _word(self) -> str:
        """The word in the help for one value."""
        if not self.choices:
            return WORDS.get(self.base, "")
        known = "|".join(self.choices)
        return known if self.also is None else f"{known}|{WORDS[self.also]}"

    def value(self, word: str, flag: str) -> Any:
        """Give the value of one word.

        Raises:
            UserError: If ``word`` is no such value.
        """
        if self.optional and word.lower() == "none":
            return None
        try:
            return word if word in self.choices else self._converted(word)
        except ValueError:
            message = f"Option {flag} should be {self._meant}. Found {word!r}"
            raise UserError(message) from None

    def _converted(self, word: str) -> Any:
        """Convert a word that is not a choice to the allowed type."""
        base = self.also if self.choices else self.base
        if base is None:
            raise ValueError(word)
        return base(word)

    @property
    def _meant(self) -> str:
        """The allowed values, as an error names them."""
        if not self.choices:
            return MEANT.get(self.base, "a value")
        known = f"one of {', '.join(self.choices)}"
        return known if self.also is None else f"{known}, or {MEANT.get(self.also, 'a value')}"


def kind_of(annotation: Any) -> Kind | None:
    """Give the kind of an option whose parameter has this type; None if it can have no option."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation in PLAIN:
        return Kind(annotation)
    if origin is typing.Annotated:
        return kind_of(arguments[0])
    made = _maker(origin)
    return made(arguments) if made is not None and arguments else None


def _maker(origin: Any) -> Any:
    """Choose the function that makes the kind of a type with arguments."""
    if origin is typing.Literal:
        return _of_choices
    if origin in UNIONS:
        return _of_union
    return _of_several if origin in SEVERAL else None


def _of_choices(values: tuple[Any, ...]) -> Kind | None:
    """Give the kind of a few texts."""
    texts = all(isinstance(value, str) for value in values)
    return Kind(str, choices=values) if texts else None


def _of_union(types_of: tuple[Any, ...]) -> Kind | None:
    """Give the kind of a value or None, or of one of several types."""
    kinds = map(kind_of, types_of)
    merged = _merged([kind for kind in kinds if kind is not None])
    return merged and dataclasses.replace(merged, optional=NONE in types_of)


def _merged(known: Sequence[Kind]) -> Kind | None:
    """Merge kinds: text or a path; a choice or a number; one value or several."""
    chosen = _first(kind for kind in known if kind.choices)
    if chosen is not None:
        return _or_number(chosen, known)
    if {str, Path} <= {kind.base for kind in known}:
        return Kind(str)
    return _first(kind for kind in known if kind.size == 0) or _first(known)


def _or_number(chosen: Kind, known: Sequence[Kind]) -> Kind:
    """Allow a choice another type too, if possible."""
    other = _first(kind for kind in known if not kind.choices)
    return dataclasses.replace(chosen, also=None if other is None else other.base)


def _first(kinds: Iterable[Kind]) -> Kind | None:
    return next(iter(kinds), None)


def _of_several(arguments: tuple[Any, ...]) -> Kind | None:
    """Give the kind of a sequence: of any number of values, or of the length of a tuple."""
    one = kind_of(arguments[0])
    if one is None or one.size is not None:
        return None
    free = len(arguments) == 1 or arguments[-1] is Ellipsis
    return dataclasses.replace(one, size=0 if free else len(arguments))


__all__ = ["Kind", "kind_of"]
