"""Adapted states: a task's tensors and its batch-norm statistics, in one flat dictionary."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.bilevel.optimisers import Weights
from quickstudy.learners.learner import Adapted
from quickstudy.models.norm import Statistics

STATISTICS = "statistics."
"""In front of the names of batch-norm statistics in an adapted state."""


def with_statistics(own: Weights, statistics: Statistics) -> Adapted:
    """Put the batch-norm statistics beside the tensors that every task owns.

    Args:
        own: The tensors that every task owns, ``[task, ...]`` each.
        statistics: The statistics ``[task, ...]`` in the order of the network's norms.
    """
    return own | {f"{STATISTICS}{place}": value for place, value in enumerate(statistics)}


def parted(adapted: Adapted) -> tuple[Weights, tuple[Tensor, ...]]:
    """Take an adapted state apart into the task's tensors and the batch-norm statistics."""
    own = _without_statistics(adapted)
    count = len(adapted) - len(own)
    return own, tuple(adapted[f"{STATISTICS}{place}"] for place in range(count))


def _without_statistics(adapted: Adapted) -> Weights:
    return {name: v for name, v in adapted.items() if not name.startswith(STATISTICS)}


def joined(parts: Sequence[Adapted]) -> Adapted:
    """Join the adapted states of several groups of tasks along the task axis."""
    return {name: torch.cat([part[name] for part in parts]).contiguous() for name in parts[0]}


__all__ = ["joined", "parted", "with_statistics"]
