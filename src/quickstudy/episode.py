"""Batch and Episode: the one thing that flows from a task source to a result."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.random import Moment


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples of several tasks, padded to one size.

    Attributes:
        x: Inputs ``[task, example, *feature]``.
        y: Class indices ``[task, example]`` (integer) or targets ``[task, example, *target]``
            (floating point). The dtype says which of the two, and with it loss and metric. Where
            the targets are of several kinds, class indices are floating-point numbers too, and a
            missing label is NaN; the model says which is which.
        mask: ``[task, example]``, 1 for a real example and 0 for padding.
    """

    x: Tensor
    y: Tensor
    mask: Tensor

    @classmethod
    def of(cls, x: Any, y: Any) -> "Batch":
        """One task from its examples ``x`` ``[example, *feature]`` and ``y`` ``[example, ...]``,
        tensors or arrays.

        Raises:
            UserError: If ``x`` and ``y`` differ in length or are empty.
        """
        x, y = (value if isinstance(value, Tensor) else _tensor(value) for value in (x, y))
        require(
            len(x) == len(y) and len(x) > 0,
            "`x` and `y` should hold the same number of examples, at least one. Found "
            f"{len(x)} and {len(y)}.",
        )
        mask = torch.ones(1, len(x), dtype=torch.get_default_dtype(), device=x.device)
        return cls(x.unsqueeze(0), y.unsqueeze(0), mask)

    @property
    def num_tasks(self) -> int:
        """The length of the task axis."""
        return self.x.shape[0]

    def __getitem__(self, tasks: slice | Tensor) -> "Batch":
        return Batch(self.x[tasks], self.y[tasks], self.mask[tasks])

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on ``device``."""
        return Batch(self.x.to(device), self.y.to(device), self.mask.to(device))


def _tensor(value: Any) -> Tensor:
    tensor = torch.as_tensor(value)
    return tensor.to(torch.get_default_dtype()) if tensor.dtype.is_floating_point else tensor.long()


@dataclass(frozen=True, eq=False)
class Episode:
    """Several tasks, each with the examples it learns from and those it is judged by.

    Attributes:
        support: What a task adapts to.
        query: What its loss is computed on.
        task: ``[task]``, the identity its source gives to each task. Learners that serve unseen
            tasks never look at it.
        moment: When and for what it was drawn; learners whose loss changes over training or that
            draw something themselves read it.
    """

    support: Batch
    query: Batch
    task: Tensor
    moment: Moment = field(default_factory=Moment)

    @property
    def num_tasks(self) -> int:
        """The length of the task axis."""
        return self.support.num_tasks

    def __getitem__(self, tasks: slice | Tensor) -> "Episode":
        return replace(
            self, support=self.support[tasks], query=self.query[tasks], task=self.task[tasks]
        )

    def to(self, device: torch.device | str) -> "Episode":
        """The same episode on ``device``."""
        support, query = self.support.to(device), self.query.to(device)
        return replace(self, support=support, query=query, task=self.task.to(device))

    def at(self, moment: Moment) -> "Episode":
        """The same episode, drawn at ``moment``."""
        return replace(self, moment=moment)


@dataclass(frozen=True)
class Kind:
    """What a source's tasks are, and so how they are judged.

    Attributes:
        name: ``"classification"`` (metric: accuracy, higher is better), ``"regression"`` (metric:
            mean squared error, lower is better), or ``"mixed"``: several targets of different kinds
            (metric: their mean loss, lower is better).
        outputs: The most classes of a task (its way), the number of targets, or of the scores that
            several targets take.
        targets: The classes of each of several targets, 0 for a number; empty where tasks are of
            one kind.
    """

    name: Literal["classification", "regression", "mixed"]
    outputs: int
    targets: tuple[int, ...] = ()

    @classmethod
    def mixed(cls, targets: Sequence[int]) -> "Kind":
        """Several targets, of so many classes each; 0 for a number.

        Raises:
            UserError: If there is none, or one has a single class.
        """
        good = len(targets) > 0 and all(classes == 0 or classes >= 2 for classes in targets)
        require(
            good,
            f"Targets should be 0 for a number, or at least 2 classes. Found {tuple(targets)}.",
        )
        return cls("mixed", sum(max(1, classes) for classes in targets), tuple(targets))

    @property
    def alone(self) -> tuple["Kind", ...]:
        """The kind of each of several targets by itself."""
        return tuple(
            Kind("classification", classes) if classes else Kind("regression", 1)
            for classes in self.targets
        )

    @property
    def widths(self) -> list[int]:
        """How many scores each target takes: one for a number, one a class for classes."""
        if self.name == "mixed":
            return [max(1, classes) for classes in self.targets]
        return [self.outputs] if self.name == "classification" else [1] * self.outputs

    def split(self, scores: Tensor) -> tuple[Tensor, ...]:
        """What of ``scores`` ``[..., score]`` is each target's."""
        return scores.split(self.widths, -1)

    @property
    def metric(self) -> str:
        """``"accuracy"``, ``"mean_squared_error"`` or ``"loss"``."""
        return {"classification": "accuracy", "regression": "mean_squared_error", "mixed": "loss"}[
            self.name
        ]

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value of the metric is a better one."""
        return self.name == "classification"
