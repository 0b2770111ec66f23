"""A look one step ahead: how each training loss changes along the validation gradient there."""

from collections.abc import Sequence
from copy import deepcopy
from itertools import compress

import torch
from torch import Tensor

from quickstudy.balance.step import OuterStep, trained
from quickstudy.errors import UserError
from quickstudy.learners import Learner
from quickstudy.random import ambient

NUDGE = 0.001
"""The length of the differences to either side, in the space of the weights."""


def descent_of(losses: Tensor, weights: Tensor, step: OuterStep, exact: bool) -> tuple[Tensor, ...]:
    """Give the gradient that the network descends, the weighted sum of the tasks' gradients.

    Args:
        losses: The losses of the step ``[task]``.
        weights: The weights of its tasks ``[task]``.
        step: The step.
        exact: Whether the gradient is to be derived by the weights later.

    Returns:
        ``Σ_i weights_i ∇L_i``, by parameter.
    """
    return torch.autograd.grad(
        losses, step.parameters, weights, True, exact, allow_unused=True, materialize_grads=True
    )


def moved(step: OuterStep, descent: Sequence[Tensor]) -> Learner:
    """Give a copy of the step's learner after a step against ``descent`` at the step's rate."""
    # the weights and running averages of the copy may change
    copy = deepcopy(step.learner)
    place(copy, step.parameters, descent, -step.lr)
    return copy


def slopes(descent: Sequence[Tensor], weights: Tensor, v: Sequence[Tensor]) -> Tensor:
    """Give the slope of every task's loss along ``v``, exactly.

    It is the inner product of ``descent`` and ``v``, derived by the weights.

    Args:
        descent: ``Σ_i weights_i ∇L_i``, by parameter.
        weights: The weights of the tasks ``[task]``.
        v: A direction, by parameter.

    Returns:
        ``⟨∇L_i, v⟩`` ``[task]``.

    Raises:
        UserError: If the losses come from a function that is differentiable only once.
    """
    used = [part.requires_grad for part in descent]
    parts, directions = compress(descent, used), compress(v, used)
    try:
        return torch.autograd.grad(list(parts), weights, list(directions), retain_graph=True)[0]
    except RuntimeError as error:
        raise UserError(
            "The losses of this learner are differentiable only once: "
            f"give AutoLambda look_ahead='differences'. {error}"
        ) from error


def differences(copy: Learner, v: Sequence[Tensor], step: OuterStep) -> Tensor:
    """Give the slope of every task's loss along ``v``, by central differences.

    Args:
        copy: A copy of the step's learner, whose weights are overwritten.
        v: A direction, by parameter.
        step: The step.

    Returns:
        ``(L_i(θ + ε v) − L_i(θ − ε v)) / 2ε`` ``[task]``, with ``ε = 0.001 / ‖v‖``.
    """
    length = _length(v)
    above = _losses_at(length, copy, v, step)
    below = _losses_at(-length, copy, v, step)
    return (above - below) / (2 * length)


def _length(v: Sequence[Tensor]) -> Tensor:
    """Give the factor that brings ``v`` to the length of a difference."""
    return NUDGE / _norm(v).clamp(min=1e-12)


def _norm(v: Sequence[Tensor]) -> Tensor:
    """Give the norm of a vector that is given by parameter."""
    squares = torch.stack([part.square().sum() for part in v])
    return squares.sum().sqrt()


def _losses_at(length: Tensor, copy: Learner, v: Sequence[Tensor], step: OuterStep) -> Tensor:
    """Give the losses of the step's tasks ``length`` along ``v``."""
    place(copy, step.parameters, v, length)
    moment = step.episodes.moment
    # the same dropout on both sides
    with torch.no_grad(), ambient(moment.seed, "layers", moment.step):
        return copy.losses(step.episodes)


@torch.no_grad()
def place(
    learner: Learner, origin: Sequence[Tensor], direction: Sequence[Tensor], length: Tensor | float
) -> None:
    """Move the trained parameters of ``learner`` to the point ``length`` along a direction."""
    for parameter, start, part in zip(trained(learner), origin, direction, strict=True):
        parameter.copy_(start + length * part)


__all__ = ["descent_of", "differences", "moved", "place", "slopes"]
