"""Your own arrays: a pool of classes, or a family of tasks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy import targets as ask
from quickstudy.errors import UserError, require
from quickstudy.targets import Target
from quickstudy.tasks.classes import Classes, Range
from quickstudy.tasks.data import (
    SPLITS,
    Data,
    Fractions,
    check_fractions,
    check_split,
    divide,
)
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.table_tasks import TableTasks


class Arrays(Data):
    """Tasks from arrays: ``qs.tasks.Arrays(x, y).split("train").episodes(way=5, shot=1)``.

    Without ``task``, each value of ``y`` is a class, and tasks are N-way K-shot: some of the
    classes, with some examples of each. With ``task``, each of its values is a task with its own
    examples, drawn as K-shot tasks: regression if ``y`` is floating-point, else classification.
    Tasks of fewer examples than are asked for are padded, and the padding is masked.

    Args:
        x: Examples ``[example, *feature]``; a tensor, an array or a DataFrame. Floating-point
            numbers get torch's default dtype. Integers (token ids) keep their dtype, but ``uint8``
            images ``[example, height, width]`` or ``[example, channel, height, width]`` are scaled
            to [0, 1].
        y: The class of every example ``[example]``, integers or strings; or with ``task`` targets
            ``[example]`` or ``[example, target]``, floating point.
        fractions: How the *classes*, or the tasks, are divided into train, validation and test.
        seed: Seed of the division.
        task: The task of every example ``[example]``, integers or strings.
        splits: The split of every example ``[example]``, ``"train"``, ``"validation"`` or
            ``"test"``, in place of ``fractions``; the examples of one class, or of one task, are in
            one split.

    Attributes:
        pool: All classes, or all tasks.

    Raises:
        UserError: If the lengths differ, the arrays are empty, x holds NaN or infinity, or a label
            is missing.

    Example:
        >>> import numpy as np, quickstudy as qs
        >>> x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 6
        >>> tasks = qs.tasks.Arrays(x, y).episodes(way=3, shot=2, query=4)
        >>> tasks.sample(2, qs.Moment(0, "train")).query.x.shape
        torch.Size([2, 12, 3])
        >>> windows = qs.tasks.Arrays(x.reshape(60, 3, 1), x.sum(1), task=np.arange(60) // 10)
        >>> tasks = windows.split("train").episodes(shot=3, query=4)
        >>> tasks.sample(2, qs.Moment(0, "train")).support.x.shape  # [task, example, time, channel]
        torch.Size([2, 3, 3, 1])
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        fractions: Fractions = (0.6, 0.2, 0.2),
        seed: int = 0,
        task: Any = None,
        splits: Any = None,
    ) -> None:
        self.x, self.y = x, y
        self.task, self.splits = task, splits
        self.fractions, self.seed = fractions, seed
        check_fractions(fractions)
        values = _inputs(x)
        for name, other in (("y", y), ("task", task), ("splits", splits)):
            require(
                other is None or len(values) == len(other) > 0,
                f"`x` and `{name}` should have the same length, at least 1. "
                f"Found {len(values)} and {0 if other is None else len(other)}.",
            )
        nameless = 0 if task is None else sum(map(is_missing, _entries(task)))
        require(
            not nameless,
            f"`task` should say the task of every example. Found {nameless} without: drop them.",
        )
        self.pool: Classes | TableTasks = (
            classes_of(values, _classes(y)) if task is None else _tasks_of(values, y, task)
        )
        self._parts = self._divided(None if splits is None else _texts(splits), task)

    def episodes(self, way: Range | None = None, shot: Any = 1, query: int = 15) -> Any:
        """Make tasks from all classes, or from all tasks, whatever their split.

        Raises:
            UserError: If ``way`` is missing, or given for arrays that are divided into tasks.
        """
        if isinstance(self.pool, Classes):
            require(way is not None, "Parameter `way` should be the classes of a task. Found None.")
            return self.pool.episodes(way or 1, shot, query)
        require(
            way is None, "Parameter `way` is for classes. These arrays have tasks of their own."
        )
        return self.pool.episodes(shot, query)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The splits that hold a class, or a task."""
        return tuple(name for name in SPLITS if len(self._parts[name]))

    def split(self, name: str) -> Any:
        """Give the classes, or the tasks, of ``"train"``, ``"validation"`` or ``"test"``.

        Every class, or task, is in exactly one.
        """
        check_split(name, SPLITS)
        what = "class" if isinstance(self.pool, Classes) else "task"
        count = sum(map(len, self._parts.values()))
        require(
            len(self._parts[name]) > 0,
            f"Split {name!r} should have at least one {what}. Found none of {count}: "
            "change `fractions`.",
        )
        if isinstance(self.pool, Classes):
            return self.pool.subset(self._parts[name], f"arrays/{name}")
        return replace(self.pool.subset(self._parts[name].tolist()), label=f"arrays/{name}")

    def everything(self) -> Any:
        """Give all classes, or all tasks."""
        return self.pool

    def notes(self) -> list[str]:
        """Say how many classes, or tasks, there are in each split."""
        what = "classes" if isinstance(self.pool, Classes) else "tasks"
        return [in_words(what, {name: len(part) for name, part in self._parts.items()})]

    def _divided(self, split: list[str] | None, task: Any) -> dict[str, Tensor]:
        """The classes, or the tasks, of every split."""
        names = self.pool.names
        if split is None:
            return divide(len(names), self.fractions, self.seed)
        wrong = sorted(set(split) - set(SPLITS))
        known = ", ".join(map(repr, SPLITS))
        require(not wrong, f"`splits` should hold {known}. Found {wrong[:1]}.")
        owners = _classes(self.y) if task is None else _texts(task)
        found = dict[str, str]()
        for owner, part in zip(owners, split, strict=True):
            other = found.setdefault(owner, part)
            what = "class" if task is None else "task"
            message = f"Every {what} should be in one split. Found {what} {owner!r} in"
            require(other == part, f"{message} {other!r} and {part!r}.")
        return by_split([found[name] for name in names])


def classes_of(values: Tensor, labels: Sequence[str], label: str = "arrays") -> Classes:
    """Give the pool of examples ``values`` of classes ``labels``; whole numbers sort as such."""
    number = re.compile("-?[0-9]+")
    names = sorted(
        set(labels),
        key=lambda name: (0, int(name), name) if number.fullmatch(name) else (1, 0, name),
    )
    index = {name: i for i, name in enumerate(names)}
    code = torch.tensor([index[label] for label in labels])
    size, group = code.bincount(), torch.zeros(len(names), dtype=torch.long)
    rows = values[code.argsort(stable=True)]
    return Classes(rows, size.cumsum(0) - size, size, tuple(names), group, ("all",), label)


def by_split(parts: Sequence[str]) -> dict[str, Tensor]:
    """Give the places of every split in ``parts``, the split of every class or task."""
    places = {name: [i for i, part in enumerate(parts) if part == name] for name in SPLITS}
    return {name: torch.tensor(found, dtype=torch.long) for name, found in places.items()}


def in_words(what: str, counts: dict[str, int]) -> str:
    """Say how many of ``what`` each split has.

    Example:
        >>> in_words("classes", {"train": 18, "validation": 6, "test": 6})
        '30 classes: 18 to train, 6 to validate, 6 to test.'
    """
    verbs = {"train": "train", "validation": "validate", "test": "test"}
    parts = ", ".join(f"{count} to {verbs[name]}" for name, count in counts.items())
    return f"{sum(counts.values())} {what}: {parts}."


def _inputs(x: Any) -> Tensor:
    """``x`` as a tensor; floating point in the default dtype, integers as they are."""
    try:
        values = x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x))
    except (TypeError, ValueError) as error:
        raise UserError(f"`x` should be an array of numbers. Found {error}.") from error
    exact = not values.is_floating_point() and values.dtype != torch.bool
    values = values if exact else values.to(torch.get_default_dtype())
    finite = exact or bool(values.isfinite().all())
    require(finite, "`x` should be finite. Found NaN or infinity: fill or drop them.")
    return values


def _texts(values: Any) -> list[str]:
    """The entries of a list or an array as text."""
    return [str(entry) for entry in _entries(values)]


def _entries(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else values


def _classes(y: Any) -> list[str]:
    """The class of every example as text.

    Raises:
        UserError: If a label is missing, or is no class.
    """
    entries = y.tolist() if hasattr(y, "tolist") else list(y)
    missing = sum(map(is_missing, entries))
    require(
        not missing,
        f"`y` should have the class of every example. Found {missing} without: drop them.",
    )
    wrong = [one for one in entries if isinstance(one, float) and not one.is_integer()]
    require(
        not wrong,
        f"`y` should hold classes: integers or strings. Found {wrong[:1]}. Numbers are predicted "
        "by regression, which needs `task`, the task of every example.",
    )
    return [_whole(one) for one in entries]


def _whole(entry: Any) -> str:
    """The text of a class, a whole number without decimals."""
    return str(int(entry)) if isinstance(entry, float) else str(entry)


def is_missing(entry: Any) -> bool:
    """Whether ``entry`` is None, NaN, or pandas' NA or NaT."""
    return entry is None or type(entry).__name__ in ("NAType", "NaTType") or entry != entry


def _is_floating(y: Any) -> bool:
    if isinstance(y, Tensor):
        return y.is_floating_point()
    return np.asarray(y).dtype.kind == "f"


def _tasks_of(values: Tensor, y: Any, task: Any) -> TableTasks:
    """The tasks of arrays, ordered by task."""
    pool = classes_of(torch.arange(len(values)), _texts(task))
    order, count = pool.x, len(pool.names)
    if values.dtype == torch.uint8:  # images: as a pool of classes gives them
        values = classes_of(values, ["all"] * len(values)).gather(torch.arange(len(values)))
    require(count >= 2, f"`task` should hold at least 2 tasks. Found {count}.")
    targets, target = _numbers(y) if _is_floating(y) else _indices(y)
    identity = torch.arange(count)
    return TableTasks(
        x=values[order],
        y=targets[order],
        task=identity.repeat_interleave(pool.size),
        names=pool.names,
        identity=identity,
        target=target,
        encoder=Encoder(()),
        label="arrays",
    )


def _numbers(y: Any) -> tuple[Tensor, Target]:
    """The numbers of every example ``[example, target]``."""
    numbers = torch.as_tensor(y if isinstance(y, Tensor) else np.asarray(y))
    numbers = numbers.to(torch.get_default_dtype()).reshape(len(numbers), -1)
    finite = bool(numbers.isfinite().all())
    require(finite, "`y` should be finite. Found NaN or infinity: drop these examples.")
    return numbers, ask.Numbers((numbers.shape[1],))


def _indices(y: Any) -> tuple[Tensor, Target]:
    """The class index of every example ``[example]``."""
    classes = classes_of(torch.arange(len(y)), _classes(y))
    indices = torch.empty(len(y), dtype=torch.long)
    indices[classes.x] = torch.arange(len(classes.names)).repeat_interleave(classes.size)
    return indices, ask.Classes(len(classes.names))


__all__ = ["Arrays", "by_split", "classes_of", "in_words", "is_missing"]
