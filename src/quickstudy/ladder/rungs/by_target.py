"""Predicts each of several targets by a separate rung."""

from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.rung import Rung
from quickstudy.targets import Several
from quickstudy.tasks import TableTasks
from quickstudy.tasks.parts import episodes_by_target, tasks_by_target

Make = Callable[[], Rung]
"""A function that makes a rung."""


class ByTarget(Rung):
    """A rung for each of several targets of different kinds.

    Each is fitted to the rows that have its label, and predicts these rows.

    Args:
        make: Makes a rung; called once for each target. The rung sees no other target.
        of_classes: Makes the rung of a target of classes; by default as for numbers.
        name: The name of the rung; by default the name of the rung for numbers.
    """

    def __init__(self, make: Make, of_classes: Make | None = None, name: str = "") -> None:
        self.make, self.of_classes = make, of_classes or make
        one = make()
        self.name = name or one.name
        self.family, self.cost = one.family, one.cost

    def refuses(self, train: TableTasks) -> str:
        """Refuse the data that one of the rungs refuses."""
        reasons = [rung.refuses(tasks) for rung, tasks in self._parts(train)]
        return next(filter(None, reasons), "")

    def fit(self, train: TableTasks, seed: int) -> None:
        """Fit a rung to every target."""
        assert isinstance(train.target, Several)
        self.target = train.target
        self.each: list[Rung] = []
        for rung, tasks in self._parts(train):
            rung.fit(tasks, seed)
            self.each.append(rung)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Join the predictions of the rungs ``[task, example, score]``."""
        parts = episodes_by_target(episode, self.target)
        found = [rung.predict(own, known) for rung, own in zip(self.each, parts, strict=True)]
        return torch.cat(found, -1)

    def bare(self, episode: Episode) -> float:
        """Give the largest fraction of tasks without a model, over the targets."""
        target = episode.query.target
        assert isinstance(target, Several)
        own = zip(target.each, episodes_by_target(episode, target), strict=True)
        return max(self._rung(one.way).bare(part) for one, part in own)

    def _parts(self, train: TableTasks) -> list[tuple[Rung, TableTasks]]:
        """Make a rung for the rows of every target."""
        assert isinstance(train.target, Several)
        parts = tasks_by_target(train, train.target)
        return [(self._rung(tasks.target.way), tasks) for tasks in parts]

    def _rung(self, way: int | None) -> Rung:
        return self.of_classes() if way else self.make()


__all__ = ["ByTarget", "Make"]
