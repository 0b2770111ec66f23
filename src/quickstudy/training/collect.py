"""Draws the episodes of training, on the device of the learner."""

import torch
from torch import nn

from quickstudy.episode import Episode
from quickstudy.random import Moment
from quickstudy.tasks import TaskSource


def learner_device(learner: nn.Module) -> torch.device:
    """Give the device of ``learner``'s parameters; the CPU if it has none."""
    first = next(learner.parameters(), None)
    return torch.device("cpu") if first is None else first.device


device_of = learner_device
"""The old name of :func:`learner_device`: the same function."""


def collect(source: TaskSource, learner: nn.Module, num_tasks: int, moment: Moment) -> Episode:
    """Draw ``num_tasks`` tasks of ``source`` at ``moment``, on the device of ``learner``.

    The episode carries the moment, whether the source has set it or not.
    """
    return source.sample(num_tasks, moment).at(moment).to(learner_device(learner))


__all__ = ["collect", "device_of", "learner_device"]
