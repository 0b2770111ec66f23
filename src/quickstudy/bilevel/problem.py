"""An inner loop as functions of tensors, and one step of gradient descent."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from quickstudy.bilevel.optimisers import InnerOptimiser, Rate, Weights

State = dict[str, Tensor]
Objective = Callable[[Weights], Tensor]
"""Maps weights to one loss per task ``[task]``, or to a scalar."""


class InnerProblem(ABC):
    """Define an inner loop by its start, its step, the steps' objective and the loss at the end.

    ``meta`` are the meta-learned tensors by name. All four functions depend on the meta-learned
    tensors only through this argument. A state holds the weights by name, and all else that a step
    passes on to the next. Every tensor of a state has a task axis in front.
    """

    @abstractmethod
    def start(self, meta: State) -> State:
        """Give the state before the first step."""

    @abstractmethod
    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """Give the state after step ``index``.

        Unless ``differentiable``, the inner gradient is a constant.
        """

    @abstractmethod
    def objective(self, state: State, meta: State) -> Tensor:
        """Compute the loss of every task ``[task]`` that the steps minimise."""

    @abstractmethod
    def losses(self, state: State, meta: State) -> Tensor:
        """Compute the outer loss of every task ``[task]``."""


def under(prefix: str, tensors: State) -> State:
    """Select the tensors whose name starts with ``prefix``, by the rest of their name."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def move(
    optimiser: InnerOptimiser,
    state: State,
    names: Sequence[str],
    gradients: Weights,
    rate: Callable[[str], Rate],
    index: int,
) -> State:
    """Give ``state`` after one step of ``optimiser`` along the gradients of its weights.

    Args:
        optimiser: Turns a gradient into a step.
        state: The weights and the optimiser's slots.
        names: Which tensors of ``state`` are weights.
        gradients: Their gradients.
        rate: The learning rate of a weight, by its name.
        index: The number of steps taken before.
    """
    updated: State = {}
    slots: State = {}
    for name in names:
        own = optimiser.names_of(name)
        old = tuple(state[slot] for slot in own)
        updated[name], *new = optimiser.step(state[name], gradients[name], rate(name), old, index)
        slots.update(zip(own, new, strict=True))
    return updated | slots


def gradient(
    objective: Objective, weights: Weights, names: Sequence[str], differentiable: bool
) -> tuple[Tensor, Weights]:
    """Compute the objective of every task, and the gradient by the task's weights.

    Tasks do not share weights, so the gradient of the sum holds every task's gradient. It takes
    one ordinary backward pass over batched operations, which is faster than a mapped
    ``torch.func.grad``.

    Args:
        objective: The function of ``weights``.
        weights: Tensors by name, ``[task, ...]`` each.
        names: The weights whose gradient is computed; the gradient of all others is 0.
        differentiable: Whether the results are functions of ``weights``, or constants.

    Returns:
        The objective ``[task]``, and a gradient for each of ``weights``.
    """
    if torch.compiler.is_compiling():
        values, found = _traced(objective, weights, names, differentiable)
    else:
        follow = differentiable and torch.is_grad_enabled()
        values, found = _recorded(objective, weights, names, follow)
    for name, weight in weights.items():
        if name not in found:
            found[name] = torch.zeros_like(weight)
    return values, {name: found[name] for name in weights}


def _recorded(
    objective: Objective, weights: Weights, names: Sequence[str], follow: bool
) -> tuple[Tensor, Weights]:
    """Compute the objective and its gradient by autograd, with their history if they ``follow``."""
    with torch.enable_grad():
        leaves = {name: _leaf(weight, follow) for name, weight in weights.items()}
        moving = [leaves[name].requires_grad_() for name in names]
        values = objective(leaves)
        gradients = torch.autograd.grad(
            values.sum(), moving, create_graph=follow, allow_unused=True, materialize_grads=True
        )
    return values if follow else values.detach(), dict(zip(names, gradients, strict=True))


def _leaf(weight: Tensor, follow: bool) -> Tensor:
    """Give a tensor to differentiate by: a view that keeps the history, or a constant."""
    return weight.view_as(weight) if follow and weight.requires_grad else weight.detach()


def _traced(
    objective: Objective, weights: Weights, names: Sequence[str], follow: bool
) -> tuple[Tensor, Weights]:
    """Compute the objective and its gradient within ``torch.compile``."""

    def total(moving: Weights, every: Weights) -> tuple[Tensor, Tensor]:
        values = objective(every | moving)
        return values.sum(), values

    found: Weights
    moving = {name: weights[name] for name in names}
    found, values = torch.func.grad(total, has_aux=True)(moving, weights)
    if follow:
        return values, found
    return values.detach(), {name: value.detach() for name, value in found.items()}
