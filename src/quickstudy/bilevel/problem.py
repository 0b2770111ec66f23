"""An inner loop as functions of tensors, and one step of gradient descent."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from quickstudy.bilevel.optimisers import InnerOptimiser, Weights

State = dict[str, Tensor]


class InnerProblem(ABC):
    """An inner loop: where it starts, one step of it, what it minimises, and what its end costs.

    ``meta`` are the meta-learned tensors by name, through which alone all four depend on what is
    meta-learned. A state is the weights, and whatever else a step passes on to the next, by name; a
    task axis stands in front of everything."""

    @abstractmethod
    def start(self, meta: State) -> State:
        """The state before the first step."""

    @abstractmethod
    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """The state after step ``index``; unless ``differentiable``, the inner gradient is a constant."""

    @abstractmethod
    def objective(self, state: State, meta: State) -> Tensor:
        """What the steps minimise, for every task ``[task]``."""

    @abstractmethod
    def losses(self, state: State, meta: State) -> Tensor:
        """The outer loss of every task ``[task]``."""


def descend(
    objective: Callable[[Weights], Tensor],
    state: State,
    names: Sequence[str],
    optimiser: InnerOptimiser,
    rate: Callable[[str], Tensor | float],
    index: int,
    differentiable: bool,
) -> State:
    """``state`` after step ``index`` of ``optimiser`` on ``objective``.

    Args:
        objective: What is minimised, of the weights.
        state: The weights and the optimiser's slots.
        names: Which of it are weights.
        optimiser: Makes steps of gradients.
        rate: The rate of a weight, by its name.
        index: Which step it is, from 0.
        differentiable: Whether the gradient is a function of the state, or a constant.
    """
    gradients = gradient(
        objective,
        {name: state[name] for name in names},
        names,
        differentiable,
    )[1]
    return move(optimiser, state, names, gradients, rate, index)


def move(
    optimiser: InnerOptimiser,
    state: State,
    names: Sequence[str],
    gradients: Weights,
    rate: Callable[[str], Tensor | float],
    index: int,
) -> State:
    """``state`` after step ``index`` of ``optimiser``, given the gradients of its weights ``names``."""
    updated: State = {}
    slots: State = {}
    for name in names:
        old = tuple(state[f"{slot}:{name}"] for slot in optimiser.slots)
        updated[name], *new = optimiser.step(state[name], gradients[name], rate(name), old, index)
        slots |= {f"{slot}:{name}": value for slot, value in zip(optimiser.slots, new, strict=True)}
    return {**updated, **{name: slots[name] for name in state if name not in updated}}


def under(prefix: str, tensors: State) -> State:
    """Those of ``tensors`` whose name starts with ``prefix``, by the rest of their name."""
    length = len(prefix)
    return {name[length:]: value for name, value in tensors.items() if name.startswith(prefix)}


def gradient(
    objective: Callable[[Weights], Tensor],
    weights: Weights,
    names: Sequence[str],
    differentiable: bool,
) -> tuple[Tensor, Weights]:
    """The ``objective`` ``[task]`` at ``weights``, and each task's gradient of its own; known to be
    0 except for ``names``.

    Tasks do not share weights, so the gradient of the sum holds every task's own: one ordinary
    backward pass over batched operations, which is faster than a mapped ``torch.func.grad``.
    """

    def total(moving: Weights, others: Weights) -> tuple[Tensor, Tensor]:
        values = objective(others | moving)
        return values.sum(), values

    if torch.compiler.is_compiling():
        follow = differentiable
        found: Weights
        found, values = torch.func.grad(total, has_aux=True)(
            {name: weights[name] for name in names}, weights
        )
        found = found if follow else {name: value.detach() for name, value in found.items()}
    else:
        follow = differentiable and torch.is_grad_enabled()
        with torch.enable_grad():
            leaves = {
                name: value.view_as(value) if follow and value.requires_grad else value.detach()
                for name, value in weights.items()
            }
            moving = {
                name: leaves[name] if leaves[name].requires_grad else leaves[name].requires_grad_()
                for name in names
            }
            sum_, values = total(moving, leaves)
            gradients = torch.autograd.grad(
                sum_,
                list(moving.values()),
                create_graph=follow,
                allow_unused=True,
                materialize_grads=True,
            )
        found = dict(zip(names, gradients, strict=True))
    every = {
        name: found[name] if name in found else torch.zeros_like(value)
        for name, value in weights.items()
    }
    return values if follow else values.detach(), every
