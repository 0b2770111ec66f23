"""Outer gradients by an ordinary graph: through all inner steps, the last ones, or none."""

from collections.abc import Sequence

import torch
from torch import Tensor

from quickstudy.bilevel.problem import InnerProblem, State

StepWeights = Sequence[float]
"""The weight of the outer losses after ``0 … K`` steps."""
Solved = tuple[Tensor, State]
"""The outer losses ``[task]``, and the state after the last step."""


def unrolled(problem: InnerProblem, meta: State, step_weights: StepWeights) -> Solved:
    """Compute the outer losses with a graph through all inner steps, and the last state.

    The losses ``[task]`` are ``Σ_k step_weights[k] · losses(s_k)`` over ``k = 0 … K``, with
    ``K = len(step_weights) − 1``. Their gradient is exact, and memory grows with the steps.
    """
    return truncated(problem, meta, step_weights, len(step_weights) - 1)


def first_order(problem: InnerProblem, meta: State, step_weights: StepWeights) -> Solved:
    """Compute the outer losses with constant inner gradients, and the last state.

    This takes no second derivatives and no graph of the steps.
    """
    return truncated(problem, meta, step_weights, 0)


def truncated(problem: InnerProblem, meta: State, step_weights: StepWeights, last: int) -> Solved:
    """Compute the outer losses with a graph through the last inner steps, and the last state.

    The gradients of earlier steps are constants. With ``last = K`` this is :func:`unrolled`, with
    ``last = 0`` :func:`first_order`. If the start does not depend on ``meta`` and rates are
    constants, it is truncated back-propagation, ``Σ_{k>K−last} (∂s_K/∂s_k) (∂s_k/∂meta)``. Its
    error falls exponentially in ``last`` if the objective is strongly convex.

    Args:
        problem: The inner loop.
        meta: The tensors of the outer gradient.
        step_weights: The weight of the losses after ``0 … K`` steps.
        last: The number of steps to differentiate through.

    Source: Shaban, Cheng, Hatch & Boots 2019, section 3. Differs from the paper: the dependence of
        the start on ``meta`` is kept, which the paper drops.
    """
    state, steps = problem.start(meta), len(step_weights) - 1
    losses: list[Tensor] = []
    for index, weight in enumerate(step_weights):
        if weight:
            losses.append(weight * problem.losses(state, meta))
        if index < steps:
            state = problem.step(state, meta, index, index >= steps - last)
    return torch.stack(losses).sum(0) if len(losses) > 1 else losses[0], state
