"""Batch and Episode: the one thing that flows from a task source to a result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.random import Moment
from quickstudy.targets import Target, infer

UNKNOWN: Any = None
"""The target of a batch before it is inferred from the labels."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples of several tasks, padded to one size.

    Attributes:
        x: Inputs ``[task, example, *feature]``.
        y: Labels ``[task, example, *label]``, of the shape and dtype that the target asks for:
            class indices are integers ``[task, example]``, numbers floating point
            ``[task, example, *number]``.
        mask: ``[task, example]``, 1 for a real example and 0 for padding.
        target: The target of the labels; by default inferred from them, see
            :func:`~quickstudy.targets.infer`.

    Raises:
        UserError: If the labels do not fit the target.
    """

    x: Tensor
    y: Tensor
    mask: Tensor
    target: Target = UNKNOWN

    def __post_init__(self) -> None:
        if torch.compiler.is_compiling():
            return
        if self.target is UNKNOWN:
            object.__setattr__(self, "target", infer(self.x, self.y))
        self.target.check(self.y)

    @classmethod
    def of(cls, x: Any, y: Any, target: Target | None = None) -> "Batch":
        """Make one task of its examples.

        Args:
            x: Inputs ``[example, *feature]``, a tensor or an array.
            y: Labels ``[example, *label]``.
            target: The target of the labels; by default inferred from them.

        Raises:
            UserError: If ``x`` and ``y`` differ in length or are empty, or the labels do not fit
                the target.
        """
        _check_lengths(len(x), len(y))
        x, y = _as_task(x), _as_task(y)
        mask = torch.ones(1, x.shape[1], dtype=torch.get_default_dtype(), device=x.device)
        return cls(x, y, mask, infer(x, y) if target is None else target)

    @classmethod
    def joined(cls, batches: Sequence["Batch"], axis: int = 0) -> "Batch":
        """Put batches of one target and size together, along the axis of tasks or of examples."""
        parts = zip(*((batch.x, batch.y, batch.mask) for batch in batches), strict=True)
        x, y, mask = (torch.cat(part, axis) for part in parts)
        return cls(x, y, mask, batches[0].target)

    @property
    def num_tasks(self) -> int:
        """The length of the task axis."""
        return self.x.shape[0]

    def mask_or_none(self) -> Tensor | None:
        """Give the mask, or None if every example is real, which saves the work of masking."""
        if torch.compiler.is_compiling():
            return self.mask
        return None if self._is_full() else self.mask

    def _is_full(self) -> bool:
        """Say whether every example is real, and there is one."""
        return bool(self.mask.numel() and self.mask.all())

    def each(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """Apply ``function`` to inputs, labels and mask."""
        return Batch(function(self.x), function(self.y), function(self.mask), self.target)

    def __getitem__(self, tasks: slice | Tensor) -> "Batch":
        return self.each(lambda values: values[tasks])

    def to(self, device: torch.device | str) -> "Batch":
        """Give the same batch on ``device``."""
        return self.each(lambda values: values.to(device))


def _check_lengths(num_inputs: int, num_labels: int) -> None:
    """Raise unless there are examples, each with a label."""
    require(
        num_inputs == num_labels and num_inputs > 0,
        "`x` and `y` should hold the same number of examples, at least one. "
        f"Found {num_inputs} and {num_labels}.",
    )


def _as_task(value: Any) -> Tensor:
    """Make a batch of one task from the values of its examples."""
    return _tensor(value).unsqueeze(0)


def _tensor(value: Any) -> Tensor:
    """Give a tensor unchanged, and an array as a tensor of one of torch's usual dtypes."""
    if isinstance(value, Tensor):
        return value
    tensor = torch.as_tensor(value)
    return tensor.to(torch.get_default_dtype()) if tensor.dtype.is_floating_point else tensor.long()


@dataclass(frozen=True, eq=False)
class Episode:
    """Several tasks, each with examples to learn from and examples to judge on.

    Support and query may have different targets.

    Attributes:
        support: The examples that a task adapts to.
        query: The examples that its loss is computed on.
        task: ``[task]``, the identity its source gives to each task. Learners that serve unseen
            tasks never look at it.
        moment: The moment of its draw. Learners whose loss changes over training, or that draw
            random numbers, read it.
    """

    support: Batch
    query: Batch
    task: Tensor
    moment: Moment = field(default_factory=Moment)

    @property
    def num_tasks(self) -> int:
        """The length of the task axis."""
        return self.support.num_tasks

    def each(self, function: Callable[[Tensor], Tensor]) -> "Episode":
        """Apply ``function`` to all tensors."""
        support, query = self.support.each(function), self.query.each(function)
        return replace(self, support=support, query=query, task=function(self.task))

    def __getitem__(self, tasks: slice | Tensor) -> "Episode":
        return self.each(lambda values: values[tasks])

    def to(self, device: torch.device | str) -> "Episode":
        """Give the same episode on ``device``."""
        return self.each(lambda values: values.to(device))

    def at(self, moment: Moment) -> "Episode":
        """Give the same episode, drawn at ``moment``."""
        return replace(self, moment=moment)


__all__ = ["Batch", "Episode"]
