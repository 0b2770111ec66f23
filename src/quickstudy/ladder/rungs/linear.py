"""Rungs that are a prior over a task's linear weights, fitted by classical methods."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quickstudy.ladder.mixed_model import mixed_model
from quickstudy.ladder.rungs.rung import AdaptingRung
from quickstudy.learners import LinearPrior
from quickstudy.learners.empirical_bayes import Moments
from quickstudy.learners.linear_prior import with_one
from quickstudy.tasks import TableTasks

MOST_CORRELATED = 3
"""The most features for which the random slopes of a task are correlated."""
MOST_SLOPES = 60
"""The most features for which a task has random slopes: each has a variance to estimate."""


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of a task's weights, the intercept last, and the noise."""

    mean: Tensor
    factor: Tensor
    noise: Tensor


def linear_prior(priors: Sequence[Gaussian], train: TableTasks) -> LinearPrior:
    """Make a learner of a known prior for each target; adapting gives its posterior.

    The posterior mean is the best linear unbiased prediction of a mixed model, and, with an
    intercept of variance ``σ² / λ`` only, a ridge regression of the intercept with penalty ``λ``.
    """
    features = train.x.shape[1]
    learner = LinearPrior(nn.Identity(), len(priors), embedding_size=features).to(train.x.dtype)
    with torch.no_grad():
        for place, prior in enumerate(priors):
            learner.mean[place] = prior.mean
            learner.factor[place] = prior.factor
            learner.log_noise[place] = prior.noise.log()
    return learner


class MixedRung(AdaptingRung):
    """A linear mixed model: a task's intercept, or also its slopes, differ from the common weights.

    It is fitted by restricted maximum likelihood, and predicts by the best linear unbiased
    prediction from a task's rows; a task without rows is predicted by the common weights. Up to
    three features, the random effects of a task are correlated; with more features they are
    independent.

    Args:
        slopes: Whether slopes differ too.
    """

    family = "plain"
    cost = 0

    def __init__(self, slopes: bool) -> None:
        self.slopes = slopes
        self.name = f"mixed model, random {'slopes' if slopes else 'intercept'}"

    def refuses(self, train: TableTasks) -> str:
        """Refuse classes, and random slopes of many features."""
        if train.target.way:
            return "mixed models are for numbers"
        features = train.x.shape[1]
        if self.slopes and features > MOST_SLOPES:
            return f"{features} random slopes are too many, at most {MOST_SLOPES}"
        return ""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Find the common weights and the variances of the random effects."""
        features = with_one(train.x.double())
        targets = train.y.double().unbind(1)
        moments = [Moments.of(features, target, train.sizes) for target in targets]
        self.learner = linear_prior([self._prior(each) for each in moments], train)

    def _prior(self, moments: Moments) -> Gaussian:
        """Fit the model of one target."""
        count = moments.gram.shape[1]
        random = list(range(count)) if self.slopes else [count - 1]
        model = mixed_model(moments, random, self.slopes and count - 1 <= MOST_CORRELATED)
        return Gaussian(model.mean, model.factor, model.noise)


__all__ = ["Gaussian", "MixedRung", "linear_prior"]
