"""Outer gradients by an ordinary graph through the inner steps: all, the last ones, or none."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.bilevel.problem import InnerProblem, State

Solved = tuple[Tensor, State]
"""The outer losses ``[task]``, and the state after the last step."""


def unrolled(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Solved:
    """The outer losses ``[task]`` with a graph through all inner steps: exact, memory grows with
    the steps.

    ``Σ_k step_weights[k] · losses(s_k)`` over ``k = 0 … K``, where ``K = len(step_weights) − 1``.
    """
    return truncated(problem, meta, step_weights, len(step_weights) - 1)


def first_order(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Solved:
    """The outer losses ``[task]`` with inner gradients held constant: no second derivatives, no graph of the steps."""
    return truncated(problem, meta, step_weights, 0)


def truncated(
    problem: InnerProblem, meta: State, step_weights: Sequence[float], last: int
) -> Solved:
    """The outer losses ``[task]`` with a graph through the ``last`` inner steps; gradients of
    earlier ones are constants.

    With ``last = K`` it is :func:`unrolled`, with ``last = 0`` :func:`first_order`. Where the start
    does not depend on ``meta`` and rates are constants, it is truncated back-propagation,
    ``Σ_{k>K−last} (∂s_K/∂s_k) (∂s_k/∂meta)``, whose error falls exponentially in ``last`` where the
    objective is strongly convex.

    Source: Shaban, Cheng, Hatch & Boots 2019, section 3. They drop how the start depends on
        ``meta``, here it is kept.
    """
    state, losses, steps = problem.start(meta), [], len(step_weights) - 1
    for index, weight in enumerate(step_weights):
        if weight:
            losses.append(weight * problem.losses(state, meta))
        if index < steps:
            state = problem.step(state, meta, index, index >= steps - last)
    return torch.stack(losses).sum(0) if len(losses) > 1 else losses[0], state
