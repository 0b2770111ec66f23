"""Several targets, each predicted by itself."""

from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.rung import Rung
from quickstudy.targets import Several
from quickstudy.tasks import TableTasks
from quickstudy.tasks.parts import episodes_by_target, tasks_by_target


class ByTarget(Rung):
    """A rung for each of several targets of different kinds, fitted to and asked of the rows that
    have its label.

    Args:
        make: Makes a rung; called once a target, which is then all that the rung sees.
    """

    def __init__(self, make: Callable[[], Rung]) -> None:
        self.make, self.name = make, make().name

    def fit(self, train: TableTasks, seed: int) -> None:
        """Fit a rung to every target."""
        assert isinstance(train.target, Several)
        self.target = train.target
        self.each: list[Rung] = []
        for tasks in tasks_by_target(train, self.target):
            rung = self.make()
            rung.fit(tasks, seed)
            self.each.append(rung)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """What the rungs say, one after the other ``[task, example, score]``."""
        parts = zip(self.each, episodes_by_target(episode, self.target), strict=True)
        return torch.cat([rung.predict(own, known) for rung, own in parts], -1)


__all__ = ["ByTarget"]
