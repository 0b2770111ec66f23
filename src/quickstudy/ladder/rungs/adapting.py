"""The top of the ladder: learners that are trained to master a new task quickly."""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import partial

from torch import nn

from quickstudy.ladder.rungs.rung import AdaptingRung, network_for
from quickstudy.learners import (
    ANIL,
    Generator,
    Learner,
    LinearPrior,
    LogisticPrior,
    MixedPrior,
)
from quickstudy.learners.logistic_bayes import ClassPrior
from quickstudy.learners.priors.curves import chosen
from quickstudy.learners.priors.prior import Prior
from quickstudy.models import Expansion, Powers
from quickstudy.random import ambient
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks import TableTasks
from quickstudy.training.train import train_whole


class MetaTrained(AdaptingRung):
    """A learner that is trained on episodes with as many rows as the tasks of a table have.

    Args:
        steps: Training steps.
    """

    def __init__(self, steps: int = 400) -> None:
        self.steps = steps

    @abstractmethod
    def make(self, model: nn.Module) -> Learner:
        """Make the learner of the network ``model``."""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Train the learner."""
        # the generator's encoder draws from torch's global generator
        with ambient(seed, "ladder"):
            made = self.make(network_for(train, seed))
        self.learner = made.to(train.x.dtype)
        train_whole(self.learner, train.episodes(shot=10, query=10), self.steps, 16, 3e-3, seed)


class MetaLearnedSharing(MetaTrained):
    """ANIL: a body and the start of a head, from which a few steps of the head master a task."""

    name = "meta-learned sharing (ANIL)"

    def make(self, model: nn.Module) -> Learner:
        """Make ANIL."""
        return ANIL(model, inner_lr=0.1, inner_steps=5)


class GeneratedTask(MetaTrained):
    """A generator: an embedding of the support rows shifts and scales the layers of a network."""

    name = "generator (FiLM)"

    def make(self, model: nn.Module) -> Learner:
        """Make the generator."""
        return Generator(model, embedding_size=16, encoder_size=32)


class LearnedPrior(AdaptingRung):
    """A prior over the weights of tasks, on the features or also on curves of them.

    For numbers, tasks that a fit did not see choose between the features, their squares, bends and
    products (:func:`~quickstudy.learners.priors.curves.chosen`). Otherwise it is the features or
    also their squares; for classes the Bayesian information criterion chooses. The evidence would
    always choose the larger model, because it contains the smaller one. Several targets of
    different kinds have the same features, chosen by the sum of their criteria.
    """

    name = "learned prior"
    cost = 0

    def fit(self, train: TableTasks, seed: int) -> None:
        """Fit a prior to sets of features, and keep the best one.

        For classes a feature costs a mean and a variance, ``½ log rows`` each.
        """
        if isinstance(train.target, Numbers):
            self.learner = chosen(train, partial(_numbers, train=train))
            return
        best = -math.inf
        fit = FITS[type(train.target)]
        for degree in (1, 2):
            learner, criterion = fit(Powers(train.x.shape[1], degree), train)
            if criterion > best:
                best, self.learner = criterion, learner


def _numbers(model: Powers | Expansion, train: TableTasks) -> tuple[LinearPrior, float]:
    """Fit a prior to every target; give the criterion too."""
    learner = LinearPrior(model, train.target.scores).to(train.x.dtype)
    priors = learner.fit_tasks(train)
    return learner, sum(_criterion(prior, model, len(train.x)) for prior in priors)


def _classes(model: Powers, train: TableTasks) -> tuple[Learner, float]:
    """Fit a prior to every class; give the criterion too."""
    learner = LogisticPrior(model, train.target.scores).to(train.x.dtype)
    return learner, _criterion(learner.fit_tasks(train), model, len(train.x))


def _several(model: Powers, train: TableTasks) -> tuple[Learner, float]:
    """Fit a prior to every number and class; give the sum of the criteria too."""
    assert isinstance(train.target, Several)
    learner = MixedPrior(model, train.target.targets).to(train.x.dtype)
    rows = (~train.y.isnan()).sum(0).tolist()
    both = zip(learner.fit_tasks(train), rows, strict=True)
    return learner, sum(_criterion(prior, model, own) for prior, own in both)


FITS: dict[type[Target], Callable[[Powers, TableTasks], tuple[Learner, float]]] = {
    Classes: _classes,
    Several: _several,
}
"""The function that fits a prior to each target."""


def _criterion(prior: Prior | ClassPrior, model: Powers | Expansion, rows: int) -> float:
    """Give the density of held-out tasks, or the evidence minus the cost of the features."""
    if isinstance(prior, Prior) and math.isfinite(prior.held_out):
        return prior.held_out
    # of the priors of classes, one is fixed by the others
    free = len(prior.mean) - 1 if isinstance(prior, ClassPrior) else 1
    return prior.log_evidence[-1] - model.embedding_size * free * math.log(rows)


__all__ = ["GeneratedTask", "LearnedPrior", "MetaLearnedSharing"]
