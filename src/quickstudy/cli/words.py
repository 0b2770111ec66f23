"""Values of flags among the words of a command line that are not parsed yet."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

OLD = {"maml": "sinusoid", "metasgd": "sinusoid_metasgd", "mixture": "mixture"}
"""The data of ``--data sinusoid --variant NAME`` in version 0.1.0."""


def last_value(arguments: Sequence[str], flag: str) -> str | None:
    """Give the value of the last ``flag``, if there is one."""
    found = None
    for word, after in pairwise([*arguments, ""]):
        if word == flag and after:
            found = after
        elif word.startswith(f"{flag}="):
            found = word.partition("=")[2]
    return found


def without_flags(arguments: Sequence[str], flags: Sequence[str]) -> Iterator[str]:
    """Leave out flags and their values."""
    words = iter(arguments)
    for word in words:
        if word in flags:
            next(words, None)
        elif word.partition("=")[0] not in flags:
            yield word


def modern(arguments: Sequence[str]) -> list[str]:
    """Replace ``--variant`` of version 0.1.0 by the name of the data."""
    variant = last_value(arguments, "--variant")
    if variant not in OLD or last_value(arguments, "--data") != "sinusoid":
        return list(arguments)
    return ["--data", OLD[str(variant)], *without_flags(arguments, ("--variant", "--data"))]


__all__ = ["last_value", "modern", "without_flags"]
