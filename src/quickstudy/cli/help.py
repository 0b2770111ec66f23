"""Pages of help."""

import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence

from quickstudy.cli.option import Option

INDENT = "      "


def page(
    usage: str, description: str, options: Sequence[Option], examples: Sequence[str] = ()
) -> str:
    """Write a page of help: the description, examples, and the options by group."""
    groups = dict.fromkeys(option.group for option in options)
    parts = [f"usage: quickstudy {usage}", filled(description)]
    if examples:
        parts.append(f"examples:\n{indented(examples)}")
    parts += [_of_group(group, options) for group in groups]
    return "\n\n".join(part for part in parts if part)


def _of_group(group: str, options: Sequence[Option]) -> str:
    """Write the options of a group under its name."""
    own = [option_entry(option) for option in options if option.group == group]
    return "\n".join((f"{group}:", *own))


def option_entry(option: Option) -> str:
    """Write one option: its usage and its text."""
    text, default = _usual(option)
    text = text.removesuffix(".")
    said = f"{text} ({default})".strip() if default else text
    return f"  {option.usage}\n{filled(said, INDENT)}" if said else f"  {option.usage}"


def _usual(option: Option) -> tuple[str, str]:
    """Give the text and the default in words; the text may contain the default."""
    found = re.search(r"[;,.] [Bb]y default ([^.;]+)", option.text)
    if option.default_text or found is None:
        return option.text, option.default_text
    return option.text.replace(found[0], ""), f"default: {found[1]}"


def filled(text: str, indent: str = "", first: str | None = None) -> str:
    """Break a text into lines as wide as the terminal, 100 columns at most.

    Args:
        text: The text.
        indent: The indent of every line.
        first: The indent of the first line, if it differs.
    """
    return textwrap.fill(text, _width(), initial_indent=first or indent, subsequent_indent=indent)


def _width() -> int:
    """Give the columns of the terminal, 40 at least and 100 at most."""
    return max(40, min(shutil.get_terminal_size().columns, 100))


def indented(lines: Iterable[str]) -> str:
    """Write lines under a title."""
    return "\n".join(f"  {line}" for line in lines)


def listed(texts: dict[str, str]) -> str:
    """Write names with a line on each, broken to the width of the terminal."""
    longest = max(map(len, texts), default=0) + 4
    pairs = ((f"  {name}".ljust(longest), text) for name, text in texts.items())
    return "\n".join(filled(text, " " * longest, name) for name, text in pairs)


__all__ = ["filled", "indented", "listed", "option_entry", "page"]
