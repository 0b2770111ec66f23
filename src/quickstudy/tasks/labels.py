"""Labels of examples as text, and the classes or tasks that they make."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.tasks.classes import Classes
from quickstudy.tasks.data import SPLITS, numbered

WHOLE = re.compile("-?[0-9]+")


def classes_of(values: Tensor, labels: Sequence[str], label: str = "arrays") -> Classes:
    """Give the pool of examples ``values`` of classes ``labels``; whole numbers sort by value."""
    names = sorted(set(labels), key=_numbers_first)
    code = _codes(labels, names)
    size, group = code.bincount(), torch.zeros(len(names), dtype=torch.long)
    rows = values[code.argsort(stable=True)]
    return Classes(rows, size.cumsum(0) - size, size, tuple(names), group, ("all",), label)


def _numbers_first(name: str) -> tuple[int, int, str]:
    """Give the key that sorts whole numbers by their value, and other names after them."""
    return (0, int(name), name) if WHOLE.fullmatch(name) else (1, 0, name)


def _codes(labels: Sequence[str], names: Sequence[str]) -> Tensor:
    """Give the place among ``names`` of every label ``[example]``."""
    index = numbered(names)
    return torch.tensor([index[label] for label in labels])


def by_split(parts: Sequence[str]) -> dict[str, Tensor]:
    """Give the places of every split in ``parts``, the split of every class or task."""
    return {name: _places(parts, name) for name in SPLITS}


def _places(parts: Sequence[str], name: str) -> Tensor:
    places = [place for place, part in enumerate(parts) if part == name]
    return torch.tensor(places, dtype=torch.long)


def counts_of(parts: dict[str, Tensor]) -> dict[str, int]:
    """Count the classes, or the tasks, of every split."""
    return {name: len(part) for name, part in parts.items()}


def division_in_words(what: str, counts: dict[str, int]) -> str:
    """Count ``what`` in each split, in words.

    Example:
        >>> division_in_words("classes", {"train": 18, "validation": 6, "test": 6})
        '30 classes: 18 to train, 6 to validate, 6 to test.'
    """
    verbs = {"train": "train", "validation": "validate", "test": "test"}
    parts = ", ".join(f"{count} to {verbs[name]}" for name, count in counts.items())
    return f"{sum(counts.values())} {what}: {parts}."


def texts_of(values: Any) -> list[str]:
    """Write the entries of a list or an array as text."""
    return [str(entry) for entry in _entries(values)]


def _entries(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def check_named(task: Any) -> None:
    """Raise if the task of an example is missing."""
    nameless = 0 if task is None else sum(map(is_missing, _entries(task)))
    require(
        not nameless,
        f"`task` should say the task of every example. Found {nameless} without: drop them.",
    )


def class_labels(y: Any) -> list[str]:
    """Write the class of every example as text.

    Raises:
        UserError: If a label is missing, or is not a class.
    """
    entries = _entries(y)
    _check_classes(entries)
    return [_whole(one) for one in entries]


def _check_classes(entries: list[Any]) -> None:
    """Raise if an entry is missing, or is a number with decimals."""
    _check_complete(entries)
    wrong = list(filter(_has_decimals, entries))
    require(
        not wrong,
        f"`y` should hold classes: integers or strings. Found {wrong[:1]}. Numbers are predicted "
        "by regression, which needs `task`, the task of every example.",
    )


def _has_decimals(entry: Any) -> bool:
    return isinstance(entry, float) and not entry.is_integer()


def _check_complete(entries: list[Any]) -> None:
    """Raise if an entry is missing."""
    missing = sum(map(is_missing, entries))
    require(
        not missing,
        f"`y` should have the class of every example. Found {missing} without: drop them.",
    )


def _whole(entry: Any) -> str:
    """Write a class as text, a whole number without decimals."""
    return str(int(entry)) if isinstance(entry, float) else str(entry)


def is_missing(entry: Any) -> bool:
    """Say whether ``entry`` is None, NaN, or pandas' NA or NaT."""
    return entry is None or type(entry).__name__ in ("NAType", "NaTType") or entry != entry
