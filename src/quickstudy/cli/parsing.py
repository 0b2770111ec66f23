"""The words of a command line as the values of its options."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from quickstudy.cli.option import Option
from quickstudy.cli.reader import REQUIRED
from quickstudy.errors import UserError, require


def values_of(options: Sequence[Option], arguments: Sequence[str], command: str) -> dict[str, Any]:
    """Give the values of the options that are among ``arguments``, by name.

    Raises:
        UserError: In one line, if an option is unknown, or its value is missing or wrong.
    """
    try:
        return _Parser(options, arguments).parse()
    except UserError as error:
        text = str(error).removesuffix(".")
        raise UserError(f"{text}. {_see(command)}") from None


def with_defaults(options: Sequence[Option], given: dict[str, Any], command: str) -> dict[str, Any]:
    """Give the values of all options: ``given``, else the defaults.

    Raises:
        UserError: If a required option is not given.
    """
    for option in options:
        needed = option.default is REQUIRED and option.name not in given
        require(not needed, f"{option.named} is needed{_told(option.text)}. {_see(command)}")
    return {option.name: given.get(option.name, option.default) for option in options}


def _see(command: str) -> str:
    """Point to the help of a command."""
    return f"See: quickstudy {command} --help"


def _told(text: str) -> str:
    """Write a text as the rest of a sentence."""
    return f": {text[:1].lower()}{text[1:].removesuffix('.')}" if text else ""


class _Parser:
    """Takes the words of a command line one by one."""

    def __init__(self, options: Sequence[Option], arguments: Sequence[str]) -> None:
        self.flags = {option.flag: option for option in options if not option.positional}
        self.places = [option for option in options if option.positional]
        self.left = list(arguments)
        self.found: dict[str, Any] = {}

    def parse(self) -> dict[str, Any]:
        """Give the values of the options that are given."""
        self._place(list(self._free_words()))
        return self.found

    def _free_words(self) -> Iterator[str]:
        """Take the flags with their values, and give the other words."""
        while self.left:
            word = self.left.pop(0)
            if word == "--":
                yield from self.left
                return
            if word.startswith("--"):
                self._take(word)
            else:
                yield word

    def _take(self, word: str) -> None:
        """Take one flag and its value."""
        flag, equals, value = word.partition("=")
        flag = "--" + flag[2:].replace("_", "-")
        if flag not in self.flags:
            self._switch_off(flag)
            return
        option = self.flags[flag]
        if option.kind.base is bool:
            require(not equals, f"Option {flag} takes no value. Found {value!r}")
            self.found[option.name] = True
        else:
            words = [value] if equals else list(self._words(option))
            self.found[option.name] = _value(option, words)

    def _switch_off(self, flag: str) -> None:
        """Take ``--no-FLAG`` of an option that is on or off."""
        option = self.flags.get(f"--{flag.removeprefix('--no-')}")
        if option is None or not flag.startswith("--no-"):
            raise UserError(f"Option {flag} is unknown here{self._nearest(flag)}")
        require(option.kind.base is bool, f"Option {flag} is unknown")
        self.found[option.name] = False

    def _nearest(self, flag: str) -> str:
        """Suggest the most similar flag."""
        near = difflib.get_close_matches(flag, self.flags, 1, 0.7)
        return f". Perhaps you meant {near[0]}" if near else ""

    def _words(self, option: Option) -> Iterator[str]:
        """Take the words that belong to an option."""
        most = len(self.left) if option.kind.size == 0 else option.kind.size or 1
        for _ in range(most):
            if not self.left or self.left[0].startswith("--"):
                return
            yield self.left.pop(0)

    def _place(self, free: list[str]) -> None:
        """Assign the words without a flag to the options that have no flag."""
        for option in self.places:
            taken = 1 if option.kind.size is None else len(free)
            words, free = free[:taken], free[taken:]
            if words:
                self.found[option.name] = _value(option, words)
        require(not free, f"Argument {' '.join(free)!r} is not understood")


def _value(option: Option, words: list[str]) -> Any:
    """Give the value of the words of an option."""
    kind = option.kind
    if kind.size is None:
        require(bool(words), f"Option {option.flag} needs a value, {kind.words}")
        return kind.value(words[0], option.flag)
    if kind.optional and [word.lower() for word in words] == ["none"]:
        return None
    wrong = kind.size > 0 and len(words) != kind.size
    require(not wrong, f"Option {option.flag} needs {kind.size} values. Found {len(words)}")
    return tuple(kind.value(word, option.flag) for word in words)


__all__ = ["values_of", "with_defaults"]
