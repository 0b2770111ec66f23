"""Sentences and texts of arguments in docstrings."""

import re


def without_markup(text: str) -> str:
    """Take the markup out of a docstring's text."""
    text = re.sub(r":\w+:`~?(?:[\w.]*\.)?([^`]+)`", r"\1", text)
    return " ".join(text.replace("``", "").replace("`", "").split())


def first_sentence(text: str) -> str:
    """Give the first sentence of a text."""
    return re.split(r"(?<=\.) (?=[A-Z])", text)[0]


def argument_texts(docstring: str) -> dict[str, str]:
    """Give the texts of the ``Args:`` of a docstring by name."""
    pairs = [entry.partition(":") for entry in _entries(docstring) if ":" in entry]
    return {name.strip("* "): without_markup(text) for name, _, text in pairs}


def _entries(docstring: str) -> list[str]:
    """Give the entries of the section ``Args:``, each from its name on."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.MULTILINE | re.DOTALL)
    return [] if section is None else re.split(r"^    (?=\*{0,2}\w+:)", section[1], flags=re.M)


__all__ = ["argument_texts", "first_sentence", "without_markup"]
