"""Asks a learner about the tasks of a picture, on the learner's device."""

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource
from quickstudy.training.collect import device_of


def drawn_task(source: TaskSource, seed: int) -> Episode:
    """Draw the one task of ``source`` that a picture of ``seed`` shows."""
    return source.sample(1, Moment(seed, "picture"))


def scores_of(learner: Learner, episode: Episode) -> Tensor:
    """Give the scores of all queries ``[task, example, *score]``, on the CPU."""
    device = device_of(learner)
    adapted = learner.adapt(episode.support.to(device))
    return learner.predict(adapted, episode.query.x.to(device)).float().cpu()
