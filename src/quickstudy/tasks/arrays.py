"""Your arrays as a pool of classes, or as a family of tasks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy import targets as ask
from quickstudy.errors import UserError, require
from quickstudy.targets import Target
from quickstudy.tasks.classes import Classes
from quickstudy.tasks.data import (
    SPLITS,
    Data,
    Fractions,
    check_fractions,
    check_split,
    divide,
)
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.image_tensors import unit_images
from quickstudy.tasks.labels import (
    by_split,
    check_named,
    class_labels,
    classes_of,
    counts_of,
    division_in_words,
    is_missing,
    texts_of,
)
from quickstudy.tasks.sizes import Range
from quickstudy.tasks.table_tasks import TableTasks


class Arrays(Data):
    """Tasks from arrays.

    ``qs.tasks.Arrays(x, y).split("train").episodes(way=5, shot=1)`` gives the training tasks.

    Without ``task``, each value of ``y`` is a class, and tasks are N-way K-shot: some of the
    classes, with some examples of each. With ``task``, each of its values is a task, whose
    examples are drawn as K-shot tasks: regression if ``y`` is floating-point, else classification.
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
        _check_lengths(values, {"y": y, "task": task, "splits": splits})
        check_named(task)
        self.pool: Classes | TableTasks = (
            classes_of(values, class_labels(y)) if task is None else _tasks_of(values, y, task)
        )
        self._parts = self._divided()

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
        self._check_holds_any(name)
        part, label = self._parts[name], f"arrays/{name}"
        if isinstance(self.pool, Classes):
            return self.pool.subset(part, label)
        return replace(self.pool.subset(part.tolist()), label=label)

    def _check_holds_any(self, name: str) -> None:
        """Raise unless split ``name`` holds a class, or a task."""
        check_split(name, SPLITS)
        require(
            len(self._parts[name]) > 0,
            f"Split {name!r} should have at least one {self._owner}. Found none of "
            f"{len(self.pool.names)}: change `fractions`.",
        )

    @property
    def _owner(self) -> str:
        """The class or task of every example."""
        return "class" if self.task is None else "task"

    def everything(self) -> Any:
        """Give all classes, or all tasks."""
        return self.pool

    def notes(self) -> list[str]:
        """Say how many classes, or tasks, there are in each split."""
        what = "classes" if isinstance(self.pool, Classes) else "tasks"
        return [division_in_words(what, counts_of(self._parts))]

    def _divided(self) -> dict[str, Tensor]:
        """Divide the classes, or the tasks, into the splits."""
        names = self.pool.names
        if self.splits is None:
            return divide(len(names), self.fractions, self.seed)
        owners = class_labels(self.y) if self.task is None else texts_of(self.task)
        found = _split_of_each(owners, texts_of(self.splits), self._owner)
        return by_split([found[name] for name in names])


def _check_lengths(values: Tensor, others: dict[str, Any]) -> None:
    """Raise unless all given arrays have as many entries as ``values``, at least one."""
    for name, other in others.items():
        count = 0 if other is None else len(other)
        require(
            other is None or len(values) == count > 0,
            f"`x` and `{name}` should have the same length, at least 1. "
            f"Found {len(values)} and {count}.",
        )


def _split_of_each(owners: Sequence[str], splits: Sequence[str], what: str) -> dict[str, str]:
    """Give the split of every class, or task, from the owner and the split of every example.

    Raises:
        UserError: If there is no such split, or examples of one owner are in two.
    """
    _check_names(splits)
    found = dict[str, str]()
    for owner, part in zip(owners, splits, strict=True):
        other = found.setdefault(owner, part)
        message = f"Every {what} should be in one split. Found {what} {owner!r} in"
        require(other == part, f"{message} {other!r} and {part!r}.")
    return found


def _check_names(splits: Sequence[str]) -> None:
    wrong = sorted(set(splits) - set(SPLITS))
    known = ", ".join(map(repr, SPLITS))
    require(not wrong, f"`splits` should hold {known}. Found {wrong[:1]}.")


def _inputs(x: Any) -> Tensor:
    """Make a tensor of ``x``: floating point in the default dtype, integers unchanged."""
    values = _tensor(x)
    if not values.is_floating_point() and values.dtype != torch.bool:
        return values
    values = values.to(torch.get_default_dtype())
    finite = bool(values.isfinite().all())
    require(finite, "`x` should be finite. Found NaN or infinity: fill or drop them.")
    return values


def _tensor(x: Any) -> Tensor:
    try:
        return x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x))
    except (TypeError, ValueError) as error:
        raise UserError(f"`x` should be an array of numbers. Found {error}.") from error


def _is_floating(y: Any) -> bool:
    if isinstance(y, Tensor):
        return y.is_floating_point()
    return np.asarray(y).dtype.kind == "f"


def _tasks_of(values: Tensor, y: Any, task: Any) -> TableTasks:
    """Make the tasks of arrays, ordered by task."""
    pool = classes_of(torch.arange(len(values)), texts_of(task))
    order, count = pool.x, len(pool.names)
    values = unit_images(values)
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
    """Give the numbers of every example ``[example, target]``, and their target."""
    numbers = torch.as_tensor(y if isinstance(y, Tensor) else np.asarray(y))
    numbers = numbers.to(torch.get_default_dtype()).reshape(len(numbers), -1)
    finite = bool(numbers.isfinite().all())
    require(finite, "`y` should be finite. Found NaN or infinity: drop these examples.")
    return numbers, ask.Numbers((numbers.shape[1],))


def _indices(y: Any) -> tuple[Tensor, Target]:
    """Give the class index of every example ``[example]``, and their target."""
    classes = classes_of(torch.arange(len(y)), class_labels(y))
    indices = torch.empty(len(y), dtype=torch.long)
    indices[classes.x] = torch.arange(len(classes.names)).repeat_interleave(classes.size)
    return indices, ask.Classes(len(classes.names))


in_words = division_in_words
"""The former name."""

__all__ = ["Arrays", "by_split", "classes_of", "counts_of", "division_in_words", "is_missing"]
