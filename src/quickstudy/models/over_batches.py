"""A function of a batch and of numbers for each feature, mapped over tasks."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Three = tuple[Tensor, Tensor, Tensor]
"""A batch, and two values of each feature."""

Axes = tuple[int | None, ...]
"""The task axis of every input, None without one."""

Mapped = tuple[Three, tuple[int, ...]]
"""The outputs of all tasks, and their task axes."""


def over_batches(function: Any, whole: int, num_tasks: int, in_dims: Axes, inputs: Any) -> Mapped:
    """Map a function over tasks, as the ``vmap`` of a ``torch.autograd.Function`` has to.

    The function computes each feature by itself, so the features of all tasks go into a single
    call. If the tasks lie one behind the other in memory, each task has a call, which saves copies.

    Args:
        function: Its ``apply`` takes batches ``[example, feature, *space]``, values ``[feature]``
            and a number. It gives a batch and two values of each feature.
        whole: How many inputs are batches. The last of them decides whether tasks lie apart.
        num_tasks: Number of tasks.
        in_dims: The task axis of each input, None if all tasks share it.
        inputs: The inputs of all tasks.

    Returns:
        The outputs of all tasks, and their task axes.
    """
    *tensors, number = inputs
    of_tasks = _of_tasks(tensors, in_dims, num_tasks)
    if of_tasks[whole - 1].is_apart:
        return _task_by_task(function, of_tasks, number)
    folded = [one.fold() for one in of_tasks[:whole]]
    stacked = [one.stack() for one in of_tasks[whole:]]
    return _unfold(function.apply(*folded, *stacked, number), num_tasks)


@dataclass(frozen=True)
class _OfTasks:
    """Hold an input of the function.

    Attributes:
        value: The input of all tasks.
        axis: Its task axis; None if all tasks share it.
        num_tasks: Number of tasks.
    """

    value: Tensor
    axis: int | None
    num_tasks: int

    @property
    def is_apart(self) -> bool:
        """Whether the tasks lie one behind the other in memory.

        Convolutions with shared weights leave them so.
        """
        if self.axis is None or self.value.ndim < 4:
            return False
        x = self.value.movedim(self.axis, 0)
        return x.stride(0) > x.stride(2) * x.shape[2]

    def each(self) -> tuple[Tensor, ...]:
        """Give the input of each task."""
        if self.axis is None:
            return (self.value,) * self.num_tasks
        return self.value.unbind(self.axis)

    def fold(self) -> Tensor:
        """Fold tasks into features: a batch has the features of all tasks side by side."""
        return self._with_axis(1).flatten(1, 2)

    def stack(self) -> Tensor:
        """Lay out the features of all tasks side by side."""
        return self._with_axis(0).flatten()

    def _with_axis(self, place: int) -> Tensor:
        """Give the input with a task axis at ``place``."""
        if self.axis is not None:
            return self.value.movedim(self.axis, place)
        shape = list(self.value.shape)
        shape.insert(place, self.num_tasks)
        return self.value.unsqueeze(place).expand(shape)


def _of_tasks(tensors: list[Tensor], in_dims: Axes, num_tasks: int) -> list[_OfTasks]:
    """Pair every tensor with its task axis; the number behind them has none."""
    pairs = zip(tensors, in_dims, strict=False)
    return [_OfTasks(value, axis, num_tasks) for value, axis in pairs]


def _unfold(found: Three, tasks: int) -> Mapped:
    """Make tasks of the features that were put side by side."""
    y, *of_features = found
    first, second = (values.unflatten(0, (tasks, -1)) for values in of_features)
    return (y.unflatten(1, (tasks, -1)), first, second), (1, 0, 0)


def _task_by_task(function: Any, of_tasks: list[_OfTasks], number: float) -> Mapped:
    """Compute ``function`` of one task after the other, in the layout that they have."""
    inputs = zip(*(one.each() for one in of_tasks), strict=True)
    return _join([function.apply(*own, number) for own in inputs])


def _join(found: list[Three]) -> Mapped:
    """Put the outputs of all tasks into tensors, one behind the other."""
    whole, first, second = zip(*found, strict=True)
    y = torch.cat(whole).unflatten(0, (len(found), -1))
    return (y, torch.stack(first), torch.stack(second)), (0, 0, 0)


__all__ = ["Axes", "Mapped", "Three", "over_batches"]
