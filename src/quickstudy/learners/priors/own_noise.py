"""Noise that differs between tasks: how much, and each task's precision."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.prior import Prior, Spread, gamma_nodes

SHAPES = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0, 25.0, 40.0, 80.0, math.inf)
"""Shapes that are tried; the last says that all tasks have the same noise."""
MOST_FREEDOM = 1e6
"""With as many degrees of freedom Student's distribution is the normal one, but for rounding."""


def likeliest_shape(prior: Prior, moments: Moments) -> Prior:
    """Give ``prior`` with the shape under which the tasks' rows are likeliest."""
    spread = Spread.of(prior, moments)
    totals = [float(spread.mixed(shape).sum()) for shape in SHAPES]
    return replace(prior, shape=SHAPES[totals.index(max(totals))])


def precisions(prior: Prior, moments: Moments) -> Tensor:
    """Compute the mean relative precision of every task, given its rows ``[task]``."""
    if math.isinf(prior.shape):
        return torch.ones_like(moments.square)
    return _mean_precisions(Spread.of(prior, moments), prior.shape)


def _mean_precisions(spread: Spread, shape: float) -> Tensor:
    """Integrate the relative precision of every task over its posterior ``[task]``."""
    nodes, logarithms = gamma_nodes(shape, spread.noise)
    return (spread.log_density(nodes) + logarithms).softmax(1) @ nodes


def freedoms(shape: Tensor, count: Tensor) -> Tensor:
    """Give the degrees of freedom of the tasks' predictions ``[task, target]``.

    Args:
        shape: Of every target ``[target]``.
        count: Rows ``[task]``.
    """
    return (2 * shape + count.unsqueeze(1)).clamp(max=MOST_FREEDOM)


__all__ = ["SHAPES", "freedoms", "likeliest_shape", "precisions"]
