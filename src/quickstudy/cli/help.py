"""Pages of help."""

import re
import shutil
import textwrap
from collections.abc import Sequence

from quickstudy.cli.option import Option

INDENT = "      "


def page(
    usage: str, description: str, options: Sequence[Option], examples: Sequence[str] = ()
) -> str:
    """Write a page of help: what the command does, examples, and the options by group."""
    parts = [f"usage: quickstudy {usage}", filled(description)]
    if examples:
        parts.append("examples:\n" + "\n".join(f"  {example}" for example in examples))
    for group in dict.fromkeys(option.group for option in options):
        own = [option for option in options if option.group == group]
        parts.append(f"{group}:\n" + "\n".join(entry(option) for option in own))
    return "\n\n".join(part for part in parts if part)


def entry(option: Option) -> str:
    """Write what one option takes and says."""
    text, default = _usual(option)
    text = f"{text.removesuffix('.')} ({default})".strip() if default else text.removesuffix(".")
    return f"  {option.usage}\n{filled(text, INDENT)}" if text else f"  {option.usage}"


def _usual(option: Option) -> tuple[str, str]:
    """Give the text and the default in words, which may stand in the text."""
    found = re.search(r"[;,.] [Bb]y default ([^.;]+)", option.text)
    if option.default_text or found is None:
        return option.text, option.default_text
    return option.text.replace(found[0], ""), f"default: {found[1]}"


def filled(text: str, indent: str = "", first: str | None = None) -> str:
    """Break a text into lines as wide as the terminal, 100 columns at most.

    Args:
        text: The text.
        indent: What every line begins with.
        first: What the first line begins with instead.
    """
    width = max(40, min(shutil.get_terminal_size().columns, 100))
    start = indent if first is None else first
    return textwrap.fill(text, width, initial_indent=start, subsequent_indent=indent)


def listed(lines: dict[str, str]) -> str:
    """Write names with a line on each, broken to the width of the terminal."""
    longest = max(map(len, lines), default=0) + 4
    pairs = ((f"  {name}".ljust(longest), text) for name, text in lines.items())
    return "\n".join(filled(text, " " * longest, name) for name, text in pairs)


__all__ = ["entry", "filled", "listed", "page"]
