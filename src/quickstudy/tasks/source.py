"""The abstract parents of everything that tasks come from."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.random import Moment
from quickstudy.targets import Target


class TaskSource(ABC):
    """Draws batches of tasks.

    Most sources are stateless: the same moment gives the same tasks. A source that
    depends on earlier steps (hard tasks, a curriculum, a stream) is :meth:`told` the losses of
    every step. It keeps their effect in :meth:`state`, which is saved with the checkpoint, so a
    resumed run makes the same draws as an uninterrupted run.

    Attributes:
        target: The target of its tasks.
    """

    target: Target

    @abstractmethod
    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` tasks as one padded episode on the CPU.

        All randomness comes from ``moment.generator()``, and the episode carries the moment.
        """

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Describe these tasks (way, shot, split, ...), in plain values kept with a run."""

    def told(self, episodes: Episode, losses: Tensor, moment: Moment) -> None:  # noqa: B027
        """Hear of a training step on ``episodes`` and of the ``losses`` ``[task]`` it had."""

    def state(self) -> dict[str, Any]:
        """Give everything that later draws depend on, in tensors and plain values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Go back to a state that this source gave."""


class FixedTasks(TaskSource):
    """Draws from a fixed set of tasks, which can also be chosen by place.

    Attributes:
        num_tasks: The number of tasks.
    """

    num_tasks: int

    @abstractmethod
    def draw(self, places: Sequence[int], generator: torch.Generator) -> Episode:
        """Give the tasks at ``places``, in that order, each with examples drawn anew."""

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw tasks, without repetition while others are left, and their examples."""
        chosen, draw = list[int](), moment.generator()
        while len(chosen) < num_tasks:
            order = torch.randperm(self.num_tasks, generator=draw)
            chosen += order[: num_tasks - len(chosen)].tolist()
        return self.draw(chosen, draw).at(moment)
