"""An option of the command line: its name, its kind, its default and its text."""

import dataclasses
import typing
from collections.abc import Iterable
from typing import Any

from quickstudy.cli.kind import Kind, kind_of
from quickstudy.cli.module import Opaque
from quickstudy.cli.reader import REQUIRED, Parameter

GENERAL = "options"


@dataclasses.dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        name: Its name, as in the settings of a run.
        kind: The values that it takes.
        default: The value without it; :data:`~quickstudy.cli.reader.REQUIRED` if it is needed.
        text: Its text in the help.
        group: Its group in the help.
        positional: Whether it has no flag.
        target: The name of the parameter that it is for.
        owner: The owner of the parameter: data, task, learner or model; empty for the command.
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
    def named(self) -> str:
        """The flag with its kind, as an error begins."""
        return f"{'Argument' if self.positional else 'Option'} {self.flag}"

    @property
    def usage(self) -> str:
        """The flag and the words of its value."""
        if self.positional:
            return self.flag
        if not self.kind.is_switch:
            return f"{self.flag} {self.kind.words}"
        return f"{self.flag}, --no-{self.flag[2:]}" if self.default is True else self.flag

    @property
    def default_text(self) -> str:
        """The default in words; empty if there is nothing to say."""
        if self.default is REQUIRED:
            return "" if self.positional else "needed"
        if self.default is None or self.default is False or self.default == ():
            return ""
        return f"default: {'on' if self.default is True else _shown(self.default)}"


def _shown(value: Any) -> str:
    """Write a value as it is given on the command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def option_of(parameter: Parameter, group: str, owner: str = "") -> Option | None:
    """Give the option for a parameter; None if its type allows no option."""
    kind = None if parameter.type is Opaque else kind_of(parameter.type)
    if kind is None:
        return None
    return Option(
        parameter.name,
        kind,
        parameter.default,
        parameter.text,
        group,
        positional=_is_positional(parameter.type),
        target=parameter.name,
        owner=owner,
    )


def options_for(parameters: Iterable[Parameter], group: str, owner: str = "") -> list[Option]:
    """Make the options of the parameters that can have one."""
    made = (option_of(one, group, owner) for one in parameters)
    return [option for option in made if option is not None]


def _is_positional(annotation: Any) -> bool:
    """Say whether a type is marked as an argument without a flag."""
    marks = typing.get_args(annotation)[1:]
    return typing.get_origin(annotation) is typing.Annotated and "Positional" in repr(marks)


__all__ = ["GENERAL", "Option", "option_of", "options_for"]
