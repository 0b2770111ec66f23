"""The rungs of the ladder: ways to predict a table's rows, from those that share nothing between tasks to those that share most."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.learners import ANIL, HardSharing, Learner, LinearPrior
from quickstudy.models import MLP, Powers
from quickstudy.tasks import TableTasks
from quickstudy.training.baselines import SupportMean
from quickstudy.training.fit import fit

PENALTIES = np.logspace(-2, 4, 13)
ROWS_AT_ONCE = 20_000


class Rung(ABC):
    """A way to predict: :meth:`fit` on training tasks, then :meth:`predict` the queries of tasks from their support rows.

    Targets are scaled to mean 0 and standard deviation 1 of the training rows.
    """

    name: str
    adapts: bool = False
    """Whether it leaves a learner that new tasks are adapted with."""
    learner: Learner

    def fit(self, train: TableTasks, seed: int) -> None:  # noqa: B027
        """Learn from training tasks; nothing, where nothing is shared."""

    @abstractmethod
    def predict(self, episode: Episode, known: bool) -> Tensor:
        """The queries' targets ``[task, example, target]``; ``known``: the tasks are the training tasks, by ``episode.task``."""


class SupportMeanRung(Rung):
    """The mean of a task's support rows."""

    name = "support mean"

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """The means."""
        learner = SupportMean()
        return learner.predict(learner.adapt(episode.support), episode.query.x)


class SingleTask(Rung):
    """A model of scikit-learn for every task alone."""

    def __init__(self, name: str, make: Callable[[int], object], least: int) -> None:
        self.name, self.make, self.least = name, make, least

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """A fit a task and target; the mean where a task has fewer than ``least`` rows."""
        result = torch.zeros(*episode.query.x.shape[:2], episode.support.y.shape[2], dtype=episode.query.x.dtype)
        for task in range(episode.num_tasks):
            own = episode.support.mask[task] > 0
            x, y = episode.support.x[task][own].numpy(), episode.support.y[task][own].numpy()
            for target in range(y.shape[1]):
                if len(x) < self.least:
                    result[task, :, target] = float(y[:, target].mean()) if len(x) else 0.0
                    continue
                model = self.make(len(x)).fit(x, y[:, target])  # type: ignore[attr-defined]
                result[task, :, target] = torch.from_numpy(model.predict(episode.query.x[task].numpy())).to(result.dtype)
        return result


class Pooled(Rung):
    """One ridge regression on all rows, whatever their task."""

    name = "pooled, ridge"

    def fit(self, train: TableTasks, seed: int) -> None:
        """Fit with the penalty of the least leave-one-out error."""
        self.model = RidgeCV(PENALTIES).fit(train.x.numpy(), train.y.numpy())

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """The same function for every task."""
        flat = episode.query.x.flatten(0, 1)
        return torch.from_numpy(self.model.predict(flat.numpy())).reshape(*episode.query.x.shape[:2], -1).to(flat.dtype)


class Sharing(Rung):
    """A network trained on all tasks: with one head for all rows (pooled) or a head a task (hard sharing), refitted or as they are."""

    learner: HardSharing

    def __init__(self, name: str, heads: bool, refit: bool, steps: int = 400) -> None:
        self.name, self.heads, self.refit, self.steps = name, heads, refit, steps
        self.adapts = refit

    def fit(self, train: TableTasks, seed: int) -> None:
        """Train on batches of rows of many tasks; the heads are held together, refitted ones too."""
        model = MLP(train.x.shape[1], train.y.shape[1], hidden=(32, 16), seed=seed)
        known = int(train.identity.max()) + 1 if self.heads else 1
        self.learner = HardSharing(model, known, penalty=0.01, inner_lr=0.02, test_steps=60, proximal=0.05)
        tasks = train if self.heads else as_one_task(train)
        per_step = min(len(tasks.names), 32)
        rows = 16 if self.heads else 512
        fit(self.learner, tasks.episodes(shot=0, query=rows), self.steps, per_step, lr=3e-3, seed=seed, progress=False)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """By the task's head, refitted on its support rows, or the one that new tasks start from."""
        if self.refit:
            return in_parts(self.learner, episode)
        if known and self.heads:
            return self.learner.predict(self.learner.known(episode.support, episode.task), episode.query.x)
        return self.learner.predict(self.learner.adapt(episode.support, steps=0), episode.query.x)


class MetaLearnedSharing(Rung):
    """ANIL: a body and the start of a head, meta-learned so that a few steps of the head master a task."""

    name = "meta-learned sharing (ANIL)"
    adapts = True

    def fit(self, train: TableTasks, seed: int) -> None:
        """Meta-train on episodes of the shots that tables have."""
        model = MLP(train.x.shape[1], train.y.shape[1], hidden=(32, 16), seed=seed)
        self.learner = ANIL(model, inner_lr=0.1, inner_steps=5)
        fit(self.learner, train.episodes(shot=10, query=10), 400, 16, lr=3e-3, seed=seed, progress=False)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """After the inner steps on the support rows."""
        return in_parts(self.learner, episode)


class LearnedPrior(Rung):
    """A prior over the weights of tasks, on the features or with their squares: whichever has the better Bayesian information criterion.

    The evidence alone would take the larger model always, since it holds the smaller.
    """

    name = "learned prior"
    adapts = True
    learner: LinearPrior

    def fit(self, train: TableTasks, seed: int) -> None:
        """Empirical Bayes for both sets of features; a feature costs a mean and a variance, ``½ log rows`` each."""
        best = -float("inf")
        for degree in (1, 2):
            learner = LinearPrior(Powers(train.x.shape[1], degree), train.y.shape[1])
            evidence = sum(prior.log_evidence[-1] for prior in learner.fit_tasks(train))
            criterion = evidence - learner.embedding_size * learner.targets * math.log(len(train.x))
            if criterion > best:
                best, self.learner = criterion, learner

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """The mean of the posterior."""
        return in_parts(self.learner, episode)


def rungs() -> list[Rung]:
    """The ladder, from the bottom."""
    return [
        SupportMeanRung(),
        SingleTask("single task, ridge", lambda rows: RidgeCV(PENALTIES), 3),
        SingleTask(
            "single task, boosting",
            lambda rows: HistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=4, min_samples_leaf=min(10, rows // 3)),
            10,
        ),
        Pooled(),
        Sharing("pooled, head refitted", heads=False, refit=True),
        Sharing("hard sharing", heads=True, refit=False),
        Sharing("hard sharing, head refitted", heads=True, refit=True),
        MetaLearnedSharing(),
        LearnedPrior(),
    ]


def in_parts(learner: Learner, episode: Episode) -> Tensor:
    """What ``learner`` predicts for the queries after adapting, so many tasks at a time as bound the memory."""
    rows = episode.support.x.shape[1] + episode.query.x.shape[1]
    part = max(1, ROWS_AT_ONCE // max(1, rows))
    found = []
    for first in range(0, episode.num_tasks, part):
        chunk = episode[first : first + part]
        found.append(learner.predict(learner.adapt(chunk.support), chunk.query.x))
    return torch.cat(found)


def as_one_task(tasks: TableTasks) -> TableTasks:
    """All rows as those of a single task."""
    return replace(tasks, task=torch.zeros_like(tasks.task), names=("all",), identity=torch.zeros(1, dtype=torch.long))


__all__ = ["Rung", "as_one_task", "in_parts", "rungs"]
