"""The abstract parent of balancers that learn a weight for each task of a fixed set."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from quickstudy.balance.step import OuterStep
from quickstudy.bilevel.optimisers import Adam
from quickstudy.errors import require, require_at_least, require_positive


class TaskWeights(nn.Module, ABC):
    """Weigh the tasks of a fixed set, each found by its identity.

    A step descends ``1/n Σ_i weights[task_i] · losses[i]`` over its ``n`` tasks, so weights of 1
    are the plain mean. A step may hold any of the tasks in any order. A task that is not in it
    keeps its weight; a task without queries is not in it. All memory is in buffers, so it is saved
    and resumed with the run.

    Args:
        num_tasks: Tasks; their identities are 0 to ``num_tasks − 1``.

    Raises:
        UserError: If there is no task, or if a step holds a task that is none of them.
    """

    weights: Tensor

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        require_at_least(1, num_tasks=num_tasks)
        self.num_tasks = num_tasks
        self.register_buffer("weights", torch.ones(num_tasks))

    def forward(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Bring the weights up to date, and return the loss that the ``step`` descends, a scalar.

        Args:
            losses: The losses of its tasks ``[task]``.
            step: The step.
        """
        self._check_known(step.episodes.task)
        weights = self.weigh(losses, step)[step.episodes.task]
        return (weights * losses).sum() / step.count

    def _check_known(self, task: Tensor) -> None:
        """Raise if a step holds a task that is none of the fixed set."""
        low, high = map(int, task.aminmax())
        require(
            low >= 0 and high < self.num_tasks,
            f"{type(self).__name__} knows tasks 0 to {self.num_tasks - 1}. Found {low} to {high}: "
            "it weighs a fixed set of tasks.",
        )

    @abstractmethod
    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        """Return the weights to descend with, constants ``[num_tasks]``.

        The weights of the next step are put into ``weights``.
        """

    def by_task(self, values: Tensor, step: OuterStep) -> tuple[Tensor, Tensor]:
        """Average ``values`` ``[task]`` by identity.

        Returns:
            The means ``[num_tasks]``, and whether the step holds each task ``[num_tasks]``.
        """
        present = step.present.to(values.dtype)
        count = self._total(present, step)
        return self._total(values.detach() * present, step) / count.clamp(min=1), count > 0

    def _total(self, values: Tensor, step: OuterStep) -> Tensor:
        """Sum ``values`` ``[task]`` by identity ``[num_tasks]``."""
        return values.new_zeros(self.num_tasks).index_add(0, step.episodes.task, values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_tasks={self.num_tasks})"


class AdamByTask(nn.Module):
    """Step the weights of the tasks that a step holds by Adam, counting the steps of each task."""

    first: Tensor
    second: Tensor
    count: Tensor

    def __init__(self, num_tasks: int, lr: float) -> None:
        super().__init__()
        require_positive(lr=lr)
        self.lr = lr
        for name in ("first", "second", "count"):
            self.register_buffer(name, torch.zeros(num_tasks))

    def descend(self, weights: Tensor, gradient: Tensor, seen: Tensor) -> Tensor:
        """Return the weights after a step of the tasks that are ``seen``, all ``[num_tasks]``.

        They are kept from falling below 0.
        """
        moments = (self.first, self.second)
        new, first, second = Adam().step(weights, gradient, self.lr, moments, self.count)
        self.first = torch.where(seen, first, self.first)
        self.second = torch.where(seen, second, self.second)
        self.count = self.count + seen
        return torch.where(seen, new.clamp(min=0), weights)

    def descend_with_sum(self, weights: Tensor, gradient: Tensor, seen: Tensor) -> Tensor:
        """Return the weights after such a step, scaled to the sum that they had before."""
        return with_sum(self.descend(weights, gradient, seen), weights, seen)


def with_sum(weights: Tensor, before: Tensor, seen: Tensor) -> Tensor:
    """Scale the ``weights`` that are ``seen`` to the sum that these had ``before``.

    So all weights still sum to the number of tasks.
    """
    total = weights[seen].sum()
    scaled = weights * before[seen].sum() / total.clamp(min=1e-12)
    return torch.where(seen & (total > 0), scaled, weights)


__all__ = ["AdamByTask", "TaskWeights", "with_sum"]
