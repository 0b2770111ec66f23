"""The abstract parent of the rungs, and what several of them do."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.errors import UserError
from quickstudy.learners import Adapted, Learner
from quickstudy.models import MLP, MultiTarget
from quickstudy.targets import Several
from quickstudy.tasks import TableTasks

PENALTIES = np.logspace(-2, 4, 13)
ROWS_AT_ONCE = 20_000
HIDDEN = (32, 16)
"""The hidden layers of a rung's network."""


class Rung(ABC):
    """A way to predict: :meth:`fit` on training tasks, then :meth:`predict` the queries of tasks
    from their support rows.

    Numbers to be predicted are scaled to mean 0 and standard deviation 1 of the training rows.
    """

    name: str
    adapts: bool = False
    """Whether it leaves a learner that new tasks are adapted with."""
    learner: Learner
    spared: float = 0.0
    """Seconds that :meth:`fit` would have taken more, had another rung not trained the same network."""

    def fit(self, train: TableTasks, seed: int) -> None:  # noqa: B027
        """Learn from training tasks; nothing, where nothing is shared."""

    @abstractmethod
    def predict(self, episode: Episode, known: bool) -> Tensor:
        """What the queries are: targets ``[task, example, target]``, or probabilities ``[task,
        example, class]``.

        Of several targets of different kinds, one after the other: a number, or the probabilities
        of its classes.

        Args:
            episode: Tasks; where they are classes, ``y`` holds integers.
            known: The tasks are the training tasks, by ``episode.task``.
        """

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """The bounds ``[task, example, target]`` between which the queries lie with probability
        ``level``.

        Raises:
            UserError: If this way has none.
        """
        raise UserError(
            f"Intervals are given by the learned prior over numbers. Found the way {self.name!r}."
        )


class AdaptingRung(Rung):
    """Predicts after its learner adapted to the support rows, whether it has seen the tasks or not."""

    adapts = True

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """By the adapted learner."""
        scores = in_parts(self.learner, episode, self.learner.predict)
        return episode.query.target.answers(scores)


def in_parts(
    learner: Learner,
    episode: Episode,
    ask: Callable[[Adapted, Tensor], Tensor],
    steps: int | None = None,
) -> Tensor:
    """What ``ask`` says of the queries after ``learner`` adapted, so many tasks at a time as bound the memory."""
    rows = episode.support.x.shape[1] + episode.query.x.shape[1]
    part = max(1, ROWS_AT_ONCE // max(1, rows))
    chunks = (episode[first : first + part] for first in range(0, episode.num_tasks, part))
    return torch.cat([ask(learner.adapt(chunk.support, steps), chunk.query.x) for chunk in chunks])


def network_for(train: TableTasks, seed: int) -> MLP | MultiTarget:
    """A small network of the features, with the outputs that the tasks need."""
    inputs, target = train.x.shape[1], train.target
    if isinstance(target, Several):
        return MultiTarget(MLP(inputs, None, hidden=HIDDEN, seed=seed), target.targets, seed=seed)
    return MLP(inputs, target.scores, hidden=HIDDEN, seed=seed)


def as_one_task(tasks: TableTasks) -> TableTasks:
    """All rows as those of a single task."""
    return replace(
        tasks,
        task=torch.zeros_like(tasks.task),
        names=("all",),
        identity=torch.zeros(1, dtype=torch.long),
    )


__all__ = [
    "PENALTIES",
    "AdaptingRung",
    "Rung",
    "as_one_task",
    "in_parts",
    "network_for",
]
