"""The abstract parents of the rungs, and functions that several of them use."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.errors import UserError
from quickstudy.learners import Adapted, Learner, LinearPrior, MixedPrior
from quickstudy.models import MLP, MultiTarget
from quickstudy.targets import Several
from quickstudy.tasks import TableTasks

PENALTIES = np.logspace(-2, 4, 13)
ROWS_AT_ONCE = 20_000
HIDDEN = (32, 16)
"""The hidden layers of a rung's network."""

Family = Literal["alone", "blind", "plain", "learned"]
"""How a rung uses the tasks: it sees one task only; it sees all rows but not their task; it sees
both, as a practitioner's model does; or it learns to learn tasks."""


class Rung(ABC):
    """A way to predict a table, fitted to training tasks.

    :meth:`fit` learns from the training tasks, :meth:`predict` predicts the queries of tasks from
    their support rows. Numbers to be predicted are scaled to mean 0 and standard deviation 1 of the
    training rows.
    """

    name: str
    family: Family = "learned"
    cost: int = 2
    """0 if it is solved at once, 1 if it takes about a second, 2 if it takes many seconds."""
    adapts: bool = False
    """Whether it leaves a learner that adapts to new tasks."""
    learner: Learner
    spared: float = 0.0
    """Seconds that :meth:`fit` saved because another rung had trained the same network."""

    def fit(self, train: TableTasks, seed: int) -> None:  # noqa: B027
        """Learn from training tasks; a rung that shares nothing does nothing."""

    @abstractmethod
    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict the queries.

        Numbers are ``[task, example, target]``, probabilities are ``[task, example, class]``. For
        several targets of different kinds they are concatenated: a number, or the probabilities of
        the target's classes.

        Args:
            episode: Tasks; ``y`` of classes holds integers.
            known: The tasks are the training tasks, by ``episode.task``.
        """

    @property
    def trained(self) -> object:
        """The key of the training: rungs on the same network train it once."""
        return self

    def refuses(self, train: TableTasks) -> str:
        """Say why it cannot learn from these tasks; empty if it can."""
        return ""

    def bare(self, episode: Episode) -> float:
        """Give the fraction of the tasks that have too few rows for a model, and get their mean."""
        return 0.0

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """Give bounds between which the queries lie with probability ``level``.

        Both are ``[task, example, target]``.

        Raises:
            UserError: If this way gives no intervals.
        """
        raise UserError(
            "Intervals are given by learned priors, mixed models and one-hot ridge regression over "
            f"numbers. Found the way {self.name!r}."
        )


class AdaptingRung(Rung):
    """Predicts by a learner that adapts to the support rows, of known and of new tasks."""

    adapts = True

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict by the adapted learner."""
        scores = in_parts(self.learner, episode, self.learner.predict)
        return episode.query.target.answers(scores)

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """Give the bounds of the posterior."""
        learner = self.learner
        if not isinstance(learner, (LinearPrior, MixedPrior)):
            return super().interval(episode, level)
        both = in_parts(learner, episode, partial(_bounds, learner, level))
        return both[..., 0], both[..., 1]


def _bounds(learner: LinearPrior | MixedPrior, level: float, adapted: Adapted, x: Tensor) -> Tensor:
    """Give both ends of every interval ``[task, example, target, end]``."""
    return torch.stack(learner.interval(adapted, x, level), -1)


def in_parts(
    learner: Learner,
    episode: Episode,
    ask: Callable[[Adapted, Tensor], Tensor],
    steps: int | None = None,
) -> Tensor:
    """Adapt ``learner``, and ``ask`` it of the queries; few tasks at a time bound the memory."""
    found = [ask(learner.adapt(part.support, steps), part.query.x) for part in _parts(episode)]
    return torch.cat(found)


def _parts(episode: Episode) -> Iterator[Episode]:
    """Divide the tasks of an episode into parts of about the allowed number of rows."""
    tasks = max(1, ROWS_AT_ONCE // max(1, _longest(episode)))
    return (episode[first : first + tasks] for first in range(0, episode.num_tasks, tasks))


def _longest(episode: Episode) -> int:
    """Give the padded rows of a task."""
    return episode.support.x.shape[1] + episode.query.x.shape[1]


def network_for(train: TableTasks, seed: int) -> MLP | MultiTarget:
    """Make a small network of the features, with the outputs that the tasks need."""
    inputs, target = train.x.shape[1], train.target
    if isinstance(target, Several):
        return MultiTarget(MLP(inputs, None, hidden=HIDDEN, seed=seed), target.targets, seed=seed)
    return MLP(inputs, target.scores, hidden=HIDDEN, seed=seed)


def as_one_task(tasks: TableTasks) -> TableTasks:
    """Put all rows into a single task."""
    return replace(
        tasks,
        task=tasks.task * 0,
        names=("all",),
        identity=torch.zeros(1, dtype=torch.long),
    )


__all__ = [
    "PENALTIES",
    "AdaptingRung",
    "Family",
    "Rung",
    "as_one_task",
    "in_parts",
    "network_for",
]
