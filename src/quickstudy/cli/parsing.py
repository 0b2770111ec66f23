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
        return _Parser(options).parse(list(arguments))
    except UserError as error:
        text = str(error).removesuffix(".")
        raise UserError(f"{text}. See: quickstudy {command} --help") from None


def with_defaults(options: Sequence[Option], given: dict[str, Any], command: str) -> dict[str, Any]:
    """Give the values of all options: ``given``, else the defaults.

    Raises:
        UserError: If an option that is needed is not given.
    """
    missing = [option for option in options if option.default is REQUIRED]
    for option in missing:
        require(
            option.name in given,
            f"{'Argument' if option.positional else 'Option'} {option.flag} is needed"
            f"{_told(option.text)}. See: quickstudy {command} --help",
        )
    defaults = {option.name: option.default for option in options}
    return {name: given.get(name, default) for name, default in defaults.items()}


class _Parser:
    def __init__(self, options: Sequence[Option]) -> None:
        self.flags = {option.flag: option for option in options if not option.positional}
        self.places = [option for option in options if option.positional]
        self.found: dict[str, Any] = {}

    def parse(self, arguments: list[str]) -> dict[str, Any]:
        free: list[str] = []
        while arguments:
            word = arguments.pop(0)
            if word == "--":
                free += arguments
                break
            if word.startswith("--"):
                self._take(word, arguments)
            else:
                free.append(word)
        self._place(free)
        return self.found

    def _take(self, word: str, arguments: list[str]) -> None:
        """Read one flag and its value."""
        flag, equals, value = word.partition("=")
        flag = "--" + flag[2:].replace("_", "-")
        option = self.flags.get(flag)
        positive = self.flags.get("--" + flag.removeprefix("--no-"))
        if option is None and flag.startswith("--no-") and positive is not None:
            require(positive.kind.base is bool, f"Option {flag} is unknown")
            self.found[positive.name] = False
            return
        if option is None:
            raise UserError(self._unknown(flag))
        if option.kind.base is bool:
            require(not equals, f"Option {flag} takes no value. Found {value!r}")
            self.found[option.name] = True
            return
        words = [value] if equals else list(_words(option, arguments))
        self.found[option.name] = _value(option, words)

    def _unknown(self, flag: str) -> str:
        near = difflib.get_close_matches(flag, self.flags, 1, 0.7)
        return f"Option {flag} is unknown here" + (f". Perhaps you meant {near[0]}" if near else "")

    def _place(self, free: list[str]) -> None:
        """Give the words without a flag to the options that stand without one."""
        for option in self.places:
            if option.kind.size is None:
                if free:
                    self.found[option.name] = option.kind.value(free.pop(0), option.flag)
            elif free:
                self.found[option.name] = _value(option, free)
                free = []
        require(not free, f"Argument {' '.join(free)!r} is not understood")


def _words(option: Option, arguments: list[str]) -> Iterator[str]:
    """Take the words that belong to an option."""
    most = {None: 1, 0: len(arguments)}.get(option.kind.size, option.kind.size or 0)
    for _ in range(most):
        if not arguments or arguments[0].startswith("--"):
            return
        yield arguments.pop(0)


def _value(option: Option, words: list[str]) -> Any:
    """Give the value of the words of an option."""
    size = option.kind.size
    if size is None:
        require(bool(words), f"Option {option.flag} needs a value, {option.kind.words}")
        return option.kind.value(words[0], option.flag)
    if option.kind.optional and [word.lower() for word in words] == ["none"]:
        return None
    require(
        len(words) == size if size else True,
        f"Option {option.flag} needs {size} values. Found {len(words)}",
    )
    return tuple(option.kind.value(word, option.flag) for word in words)


def _told(text: str) -> str:
    """A text as the rest of a sentence."""
    return f": {text[:1].lower()}{text[1:].removesuffix('.')}" if text else ""


__all__ = ["values_of", "with_defaults"]
