"""The abstract parents of everything that tasks come from."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from quickstudy.episode import Episode, Kind


class TaskSource(ABC):
    """Draws batches of tasks. Stateless: the same generator gives the same tasks.

    Attributes:
        kind: Classification with its way, or regression with its number of targets.
    """

    kind: Kind

    @abstractmethod
    def sample(self, num_tasks: int, generator: torch.Generator) -> Episode:
        """Draw ``num_tasks`` tasks as one padded :class:`~quickstudy.Episode` on the CPU."""

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """What these tasks are, in plain values that are recorded with a run (way, shot, split, ...)."""


class FixedTasks(TaskSource):
    """Draws from a fixed set of tasks, each of which can be asked for by its place.

    Attributes:
        num_tasks: How many there are.
    """

    num_tasks: int

    @abstractmethod
    def draw(self, places: Sequence[int], generator: torch.Generator) -> Episode:
        """The tasks at ``places``, in that order, each with examples drawn anew."""

    def sample(self, num_tasks: int, generator: torch.Generator) -> Episode:
        """Draw ``num_tasks`` tasks, without repetition as long as there are others, and their examples."""
        chosen = list[int]()
        while len(chosen) < num_tasks:
            chosen += torch.randperm(self.num_tasks, generator=generator)[
                : num_tasks - len(chosen)
            ].tolist()
        return self.draw(chosen, generator)
