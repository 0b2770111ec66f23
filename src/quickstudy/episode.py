"""Batch and Episode: the one thing that flows from a task source to a result."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from quickstudy.errors import require


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples of several tasks, padded to one size.

    Attributes:
        x: Inputs ``[task, example, *feature]``.
        y: Class indices ``[task, example]`` (integer) or targets ``[task, example, *target]``
            (floating point). The dtype says which of the two, and with it loss and metric.
        mask: ``[task, example]``, 1 for a real example and 0 for padding.
    """

    x: Tensor
    y: Tensor
    mask: Tensor

    @classmethod
    def of(cls, x: Any, y: Any) -> "Batch":
        """One task from its examples ``x`` ``[example, *feature]`` and ``y`` ``[example, ...]``, tensors or arrays.

        Raises:
            UserError: If ``x`` and ``y`` differ in length or are empty.
        """
        x, y = (value if isinstance(value, Tensor) else _tensor(value) for value in (x, y))
        require(
            len(x) == len(y) and len(x) > 0,
            f"`x` and `y` should hold the same number of examples, at least one. Found {len(x)} and {len(y)}.",
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
    """

    support: Batch
    query: Batch
    task: Tensor

    @property
    def num_tasks(self) -> int:
        """The length of the task axis."""
        return self.support.num_tasks

    def __getitem__(self, tasks: slice | Tensor) -> "Episode":
        return Episode(self.support[tasks], self.query[tasks], self.task[tasks])

    def to(self, device: torch.device | str) -> "Episode":
        """The same episode on ``device``."""
        return Episode(self.support.to(device), self.query.to(device), self.task.to(device))


@dataclass(frozen=True)
class Kind:
    """What a source's tasks are, and so how they are judged.

    Attributes:
        name: ``"classification"`` (metric: accuracy, higher is better) or ``"regression"``
            (metric: mean squared error, lower is better).
        outputs: The most classes of a task (its way), or the number of targets.
    """

    name: Literal["classification", "regression"]
    outputs: int

    @property
    def metric(self) -> str:
        """``"accuracy"`` or ``"mean_squared_error"``."""
        return "accuracy" if self.name == "classification" else "mean_squared_error"

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value of the metric is a better one."""
        return self.name == "classification"
