"""What is learned so that a new task is quick: the top of the ladder."""

import math
from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.rung import AdaptingRung, in_parts, network_for
from quickstudy.learners import ANIL, Generator, Learner, LinearPrior, LogisticPrior, MixedPrior
from quickstudy.learners.empirical_bayes import Prior
from quickstudy.learners.logistic_bayes import ClassPrior
from quickstudy.models import Powers
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks import TableTasks
from quickstudy.training.train import train_whole


class MetaTrained(AdaptingRung):
    """A learner that is trained on episodes of as many rows as tables have of a task.

    Args:
        steps: Training steps.
    """

    def __init__(self, steps: int = 400) -> None:
        self.steps = steps

    @abstractmethod
    def make(self, model: nn.Module) -> Learner:
        """The learner of the network ``model``."""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Train it."""
        self.learner = self.make(network_for(train, seed)).to(train.x.dtype)
        train_whole(self.learner, train.episodes(shot=10, query=10), self.steps, 16, 3e-3, seed)


class MetaLearnedSharing(MetaTrained):
    """ANIL: a body and the start of a head, meta-learned so that a few steps of the head master a task."""

    name = "meta-learned sharing (ANIL)"

    def make(self, model: nn.Module) -> Learner:
        """ANIL."""
        return ANIL(model, inner_lr=0.1, inner_steps=5)


class GeneratedTask(MetaTrained):
    """A generator: the support rows' embedding shifts and scales the layers of a shared network, in one forward pass."""

    name = "generator (FiLM)"

    def make(self, model: nn.Module) -> Learner:
        """The generator."""
        return Generator(model, embedding_size=16, encoder_size=32)


class LearnedPrior(AdaptingRung):
    """A prior over the weights of tasks, on the features or with their squares: whichever has the
    better Bayesian information criterion.

    The evidence alone would take the larger model always, since it holds the smaller. Several
    targets of different kinds have the same features, chosen by the sum of their criteria."""

    name = "learned prior"

    def fit(self, train: TableTasks, seed: int) -> None:
        """Empirical Bayes for both sets of features; a feature costs a mean and a variance, ``½ log rows`` each."""
        best = -math.inf
        fit = FITS[type(train.target)]
        for degree in (1, 2):
            learner, criterion = fit(Powers(train.x.shape[1], degree), train)
            if criterion > best:
                best, self.learner = criterion, learner

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """Those of the posterior."""
        learner = self.learner
        if not isinstance(learner, LinearPrior):
            return super().interval(episode, level)
        both = in_parts(
            learner,
            episode,
            lambda adapted, x: torch.stack(learner.interval(adapted, x, level), -1),
        )
        return both[..., 0], both[..., 1]


def _numbers(model: Powers, train: TableTasks) -> tuple[Learner, float]:
    """A prior for every target, and the criterion."""
    learner = LinearPrior(model, train.target.scores).to(train.x.dtype)
    return learner, sum(
        _criterion(prior, model, len(train.x)) for prior in learner.fit_tasks(train)
    )


def _classes(model: Powers, train: TableTasks) -> tuple[Learner, float]:
    """A prior for every class, and the criterion."""
    learner = LogisticPrior(model, train.target.scores).to(train.x.dtype)
    return learner, _criterion(learner.fit_tasks(train), model, len(train.x))


def _several(model: Powers, train: TableTasks) -> tuple[Learner, float]:
    """A prior for every number and class, and the sum of the criteria of the targets."""
    assert isinstance(train.target, Several)
    learner = MixedPrior(model, train.target.targets).to(train.x.dtype)
    rows = (~train.y.isnan()).sum(0).tolist()
    return learner, sum(
        _criterion(prior, model, own)
        for prior, own in zip(learner.fit_tasks(train), rows, strict=True)
    )


FITS: dict[type[Target], Callable[[Powers, TableTasks], tuple[Learner, float]]] = {
    Numbers: _numbers,
    Classes: _classes,
    Several: _several,
}
"""How a prior is fitted to each target."""


def _criterion(prior: Prior | ClassPrior, model: Powers, rows: int) -> float:
    """The evidence, less what features cost; of the priors of classes one is fixed by the others."""
    free = len(prior.mean) - 1 if isinstance(prior, ClassPrior) else 1
    return prior.log_evidence[-1] - model.embedding_size * free * math.log(rows)


__all__ = ["GeneratedTask", "LearnedPrior", "MetaLearnedSharing"]
