"""An option of the command line: its type, its words, and the value of its words."""

import dataclasses
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quickstudy.cli.reader import REQUIRED, Opaque, Parameter
from quickstudy.errors import UserError

WORDS = {int: "INT", float: "FLOAT", str: "TEXT", Path: "PATH"}
MEANT = {int: "a whole number", float: "a number"}
GENERAL = "options"


@dataclasses.dataclass(frozen=True)
class Kind:
    """What an option takes.

    Attributes:
        base: The type of one value: int, float, str, Path or bool.
        choices: The values, if these are a few.
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
    def words(self) -> str:
        """What the help shows for the value."""
        one = "|".join(self.choices) or WORDS.get(self.base, "")
        if self.also is not None and self.choices:
            one += f"|{WORDS[self.also]}"
        if self.size is None:
            return one
        return f"{one} ..." if self.size == 0 else " ".join([one] * self.size)

    def value(self, word: str, flag: str) -> Any:
        """Give the value of one word.

        Raises:
            UserError: If it is none.
        """
        if self.optional and word.lower() == "none":
            return None
        if self.choices:
            if word in self.choices:
                return word
            if self.also is None:
                known = ", ".join(self.choices)
                raise UserError(f"Option {flag} should be one of {known}. Found {word!r}")
        base = self.base if self.also is None or not self.choices else self.also
        try:
            return base(word)
        except ValueError:
            meant = MEANT.get(base, "a value")
            if self.choices:
                meant = f"one of {', '.join(self.choices)}, or {meant}"
            raise UserError(f"Option {flag} should be {meant}. Found {word!r}") from None


def kind_of(annotation: Any) -> Kind | None:
    """Give the kind of an option whose parameter has this type; None if it can have no option."""
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if annotation in (int, float, str, Path, bool):
        return Kind(annotation)
    if origin is typing.Literal:
        texts = all(isinstance(one, str) for one in arguments)
        return Kind(str, choices=arguments) if texts else None
    if origin is typing.Annotated:
        return kind_of(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _of_union([one for one in arguments if one is not type(None)], arguments)
    if origin in (tuple, list, Sequence) and arguments:
        return _of_several(arguments)
    return None


def _of_union(kinds: list[Any], arguments: tuple[Any, ...]) -> Kind | None:
    """A value or None; text or a path; a choice or a number; one value or several."""
    known = [kind for kind in map(kind_of, kinds) if kind is not None]
    if not known:
        return None
    optional = type(None) in arguments
    bases = [kind.base for kind in known]
    chosen = next((kind for kind in known if kind.choices), None)
    if chosen is not None:
        also = next((kind.base for kind in known if not kind.choices), None)
        return dataclasses.replace(chosen, optional=optional, also=also)
    if str in bases and Path in bases:
        return Kind(str, optional=optional)
    several = next((kind for kind in known if kind.size == 0), known[0])
    return dataclasses.replace(several, optional=optional)


def _of_several(arguments: tuple[Any, ...]) -> Kind | None:
    one = kind_of(arguments[0])
    if one is None or one.size is not None:
        return None
    free = len(arguments) == 1 or arguments[-1] is Ellipsis
    return dataclasses.replace(one, size=0 if free else len(arguments))


@dataclasses.dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        name: Its name, as in the settings of a run.
        kind: What it takes.
        default: The value without it; :data:`~quickstudy.cli.reader.REQUIRED` if it is needed.
        text: What it says.
        group: Where the help shows it.
        positional: Whether it stands without a flag.
        target: The name of the parameter that it is for.
        owner: Whose parameter that is: data, task, learner or model; empty for the command's own.
    """

    name: str
    kind: Kind
    default: Any = REQUIRED
    text: str = ""
    group: str = GENERAL
    positional: bool = False
    target: str = ""
    owner: str = ""

    @property
    def flag(self) -> str:
        """The flag."""
        return self.name.upper() if self.positional else f"--{self.name.replace('_', '-')}"

    @property
    def usage(self) -> str:
        """The flag and the words of its value."""
        if self.positional:
            return self.flag
        if self.kind.base is bool and self.kind.size is None:
            return f"{self.flag}, --no-{self.flag[2:]}" if self.default is True else self.flag
        return f"{self.flag} {self.kind.words}"

    @property
    def default_text(self) -> str:
        """The default in words; empty if there is nothing to say."""
        value = self.default
        if value is REQUIRED:
            return "" if self.positional else "needed"
        if value is True:
            return "default: on"
        if value is None or value == () or value is False:
            return ""
        shown = " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
        return f"default: {shown}"


def option_of(parameter: Parameter, group: str, **changed: Any) -> Option | None:
    """Give the option for a parameter; None if its type can have none."""
    kind = None if parameter.type is Opaque else kind_of(parameter.type)
    if kind is None:
        return None
    marks = typing.get_args(parameter.type)[1:]
    stands = typing.get_origin(parameter.type) is typing.Annotated and "Positional" in repr(marks)
    made = Option(parameter.name, kind, parameter.default, parameter.text, group, stands)
    return dataclasses.replace(made, **{"target": parameter.name, **changed})


__all__ = ["GENERAL", "Kind", "Option", "kind_of", "option_of"]
