"""Networks trained on all tasks: one head for all rows, or a head a task; refitted, or as they are."""

import time
import weakref
from typing import Any

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.rung import Rung, as_one_task, in_parts, network_for
from quickstudy.learners import HardSharing
from quickstudy.random import Moment
from quickstudy.tasks import TableTasks
from quickstudy.training.train import train_whole

PROXIMAL = (0.05, 0.2, 1.0, 4.0)
"""How strongly a refitted head may be held to the one it starts from."""


class Network:
    """A shared body with one head for all rows or a head a task, trained once for all rungs that
    use it.

    Args:
        heads: A head a task, held together.
        steps: Training steps.
    """

    def __init__(self, heads: bool, steps: int = 400) -> None:
        self.heads, self.steps, self.seconds = heads, steps, 0.0
        self.learner: HardSharing
        self._of: tuple[weakref.ref[TableTasks], int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_of": None}  # a copy does not know the rows, nor keep them

    def fit(self, train: TableTasks, seed: int) -> float:
        """Train on batches of rows of many tasks; the seconds that were spared, since this was done before."""
        if self._of is not None and self._of[0]() is train and self._of[1] == seed:
            return self.seconds
        began = time.perf_counter()
        known = int(train.identity.max()) + 1 if self.heads else 1
        learner = HardSharing(
            network_for(train, seed), known, penalty=0.01, inner_lr=0.02, test_steps=60
        )
        self.learner = learner.to(train.x.dtype)
        tasks = train if self.heads else as_one_task(train)
        per_step = min(len(tasks.names), 32)
        rows = 16 if self.heads else 512
        train_whole(
            self.learner, tasks.episodes(shot=0, query=rows), self.steps, per_step, 3e-3, seed
        )
        self.learner.proximal = _best_proximal(self.learner, train, seed)
        self._of, self.seconds = (weakref.ref(train), seed), time.perf_counter() - began
        return 0.0


def _best_proximal(learner: HardSharing, train: TableTasks, seed: int) -> float:
    """How strongly a refitted head is held, judged on training tasks of which some rows refit it and the others are predicted."""
    moment = Moment(seed, "rungs")
    sampled = train.episodes(shot=10, query=10).sample(min(len(train.names), 64), moment)
    errors = {}
    for proximal in PROXIMAL:
        learner.proximal = proximal
        scores = in_parts(learner, sampled, learner.predict)
        query = sampled.query
        errors[proximal] = float(query.target.losses(scores, query.y, query.mask).mean())
    return min(errors, key=lambda proximal: errors[proximal])


class Sharing(Rung):
    """A network trained on all tasks, its heads as they are or refitted on a task's support rows.

    Args:
        name: The rung.
        heads: A head a task (hard sharing), or one for all rows (pooled).
        refit: Refit the head.
        steps: Training steps.
        network: What is trained; by default a network of its own.
    """

    learner: HardSharing

    def __init__(
        self, name: str, heads: bool, refit: bool, steps: int = 400, network: Network | None = None
    ) -> None:
        self.name, self.heads, self.refit = name, heads, refit
        self.network = Network(heads, steps) if network is None else network
        self.adapts = refit

    def fit(self, train: TableTasks, seed: int) -> None:
        """Train the network, where that is not done."""
        self.spared = self.network.fit(train, seed)
        self.learner = self.network.learner

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """By the task's head, refitted on its support rows, or the one that new tasks start from."""
        if known and self.heads and not self.refit:
            scores = self.learner.predict(
                self.learner.known(episode.support, episode.task), episode.query.x
            )
        else:
            scores = in_parts(
                self.learner, episode, self.learner.predict, None if self.refit else 0
            )
        return episode.query.target.answers(scores)


__all__ = ["Network", "Sharing"]
