"""Networks trained on all tasks, with one head for all rows or a head for each task."""

import time
import weakref
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.rung import Rung, as_one_task, in_parts, network_for
from quickstudy.learners import HardSharing
from quickstudy.random import Moment
from quickstudy.tasks import TableTasks
from quickstudy.training.train import train_whole

PROXIMAL = (0.05, 0.2, 1.0, 4.0)
"""The candidate strengths that hold a refitted head to its start."""


@dataclass(eq=False)
class Network:
    """A shared body with one head for all rows or a head for each task.

    It is trained once for all rungs that use it.

    Attributes:
        heads: Whether each task has a head; the heads are held together.
        steps: Training steps.
        seconds: The time that training took.
        learner: The network.
    """

    heads: bool
    steps: int = 400
    seconds: float = field(default=0.0, init=False)
    learner: HardSharing = field(init=False)
    _of: tuple[weakref.ref[TableTasks], int] | None = field(default=None, init=False)

    def __getstate__(self) -> dict[str, Any]:
        # a copy does not know the rows, nor keep them
        return self.__dict__ | {"_of": None}

    def fit(self, train: TableTasks, seed: int) -> float:
        """Train on batches of rows of many tasks, if it is not trained yet.

        Returns:
            The seconds that were saved by an earlier training.
        """
        if self._knows(train, seed):
            return self.seconds
        began = time.perf_counter()
        self.learner = self._untrained(train, seed)
        self._train(train, seed)
        self.learner.proximal = _best_proximal(self.learner, train, seed)
        self._of = (weakref.ref(train), seed)
        self.seconds = time.perf_counter() - began
        return 0.0

    def _knows(self, train: TableTasks, seed: int) -> bool:
        """Say whether it was trained on these tasks with this seed."""
        return self._of is not None and self._of[0]() is train and self._of[1] == seed

    def _train(self, train: TableTasks, seed: int) -> None:
        """Take the training steps."""
        tasks = train if self.heads else as_one_task(train)
        per_step = min(len(tasks.names), 32)
        source = tasks.episodes(shot=0, query=16 if self.heads else 512)
        train_whole(self.learner, source, self.steps, per_step, 3e-3, seed)

    def _untrained(self, train: TableTasks, seed: int) -> HardSharing:
        model = network_for(train, seed)
        known = int(train.identity.max()) + 1 if self.heads else 1
        learner = HardSharing(model, known, penalty=0.01, inner_lr=0.02, test_steps=60)
        return learner.to(train.x.dtype)


def _best_proximal(learner: HardSharing, train: TableTasks, seed: int) -> float:
    """Choose the strength that holds a refitted head to its start.

    It is judged on training tasks: some of their rows refit the head, the others are predicted.
    """
    moment = Moment(seed, "rungs")
    sampled = train.episodes(shot=10, query=10).sample(min(len(train.names), 64), moment)
    errors = {proximal: _error(learner, sampled, proximal) for proximal in PROXIMAL}
    return min(errors, key=lambda proximal: errors[proximal])


def _error(learner: HardSharing, sampled: Episode, proximal: float) -> float:
    """Give the mean loss of queries if refitted heads are held by ``proximal``."""
    learner.proximal = proximal
    scores = in_parts(learner, sampled, learner.predict)
    return float(sampled.query.target.losses(scores, sampled.query.y, sampled.query.mask).mean())


class Sharing(Rung):
    """A network trained on all tasks, its heads unchanged or refitted on a task's support rows.

    Args:
        name: The rung.
        heads: A head for each task (hard sharing), or one for all rows (pooled).
        refit: Whether to refit the head.
        steps: Training steps.
        network: The network; by default a new network.
    """

    learner: HardSharing

    def __init__(
        self, name: str, heads: bool, refit: bool, steps: int = 400, network: Network | None = None
    ) -> None:
        self.name = name
        self.heads = heads
        self.refit = refit
        self.network = Network(heads, steps) if network is None else network
        self.adapts = refit

    @property
    def trained(self) -> Network:
        """The network."""
        return self.network

    def fit(self, train: TableTasks, seed: int) -> None:
        """Train the network, if it is not trained yet."""
        self.spared = self.network.fit(train, seed)
        self.learner = self.network.learner

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict by a task's head, a refitted head, or the head from which new tasks start."""
        own = known and self.heads and not self.refit
        scores = self._by_heads(episode) if own else self._by_refitting(episode)
        return episode.query.target.answers(scores)

    def _by_heads(self, episode: Episode) -> Tensor:
        adapted = self.learner.known(episode.support, episode.task)
        return self.learner.predict(adapted, episode.query.x)

    def _by_refitting(self, episode: Episode) -> Tensor:
        steps = None if self.refit else 0
        return in_parts(self.learner, episode, self.learner.predict, steps)


__all__ = ["Network", "Sharing"]
