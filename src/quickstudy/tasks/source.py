"""The abstract parent of everything that tasks come from."""

from abc import ABC, abstractmethod

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
