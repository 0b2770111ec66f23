"""The exact outer gradient, computed step by step from the end."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.bilevel.unrolled import Solved

KEPT_BYTES = 64 * 2**20
"""All states are kept while they take no more than this."""
KEPT_STATES = 10
"""Of more, so many are kept, beside the last."""


def stepwise(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Solved:
    """The outer losses ``[task]`` with the exact gradient, computed step by step from the end; and the last state.

    The forward pass keeps states and no graph of the steps. The backward pass starts with
    ``λ = ∂L/∂s_K`` and for ``k = K−1 … 0`` computes step ``k`` again and pulls ``λ`` back through
    it: ``λ ← (∂s_{k+1}/∂s_k)ᵀ λ``, which for gradient descent is ``λ − rate · H_k λ``, collecting
    ``(∂s_{k+1}/∂meta)ᵀ λ`` on the way. Memory is that of one step and of all states, or where
    these take more than 64 MiB of ten and the last, spread evenly, from which those between them are found again.

    Source: reverse-mode differentiation with checkpoints (Griewank & Walther 2008, ch. 12);
    Maclaurin, Duvenaud & Adams 2015 treat the same recursion.
    """
    ends: list[State] = []
    losses: Tensor = _Stepwise.apply(problem, tuple(step_weights), ends, tuple(meta), *meta.values())  # type: ignore[no-untyped-call]
    return losses, ends[0]


class Recorded(NamedTuple):
    """A function computed with its graph: what it gave, and what it was given."""

    outputs: tuple[Tensor, ...]
    state: State
    meta: State


class _Stepwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, problem: InnerProblem, step_weights: tuple[float, ...], ends: list[State], names: tuple[str, ...], *values: Tensor
    ) -> Tensor:
        meta = dict(zip(names, values, strict=True))
        steps, device = len(step_weights) - 1, values[0].device
        state, losses, last = problem.start(meta), [], None
        room: dict[int, State] = {}
        ctx.kept, ctx.step_rng, ctx.loss_rng = {0: state}, [], {}  # what is computed again must draw the same dropout
        for index, weight in enumerate(step_weights):
            if weight:
                ctx.loss_rng[index] = rng_state(device)
            if weight and index == steps and any(ctx.needs_input_grad):
                last = record_losses(problem, state, meta)
                losses.append(weight * last.outputs[0].detach())
            elif weight:
                losses.append(weight * problem.losses(state, meta))
            if index == 1:
                room = _room(state, steps)
            if index in room:
                ctx.kept[index] = {name: place.copy_(state[name]) for name, place in room[index].items()}
            if index < steps:
                ctx.step_rng.append(rng_state(device))
                state = problem.step(state, meta, index, False)
        ctx.kept[steps] = state
        ends.append(state)
        ctx.problem, ctx.names, ctx.step_weights, ctx.last = problem, names, step_weights, last
        ctx.save_for_backward(*values)
        return torch.stack(losses).sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        problem: InnerProblem = ctx.problem
        meta = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        total = [torch.zeros_like(value) for value in meta.values()]
        pull: list[Tensor] = []
        present, states = rng_state(outer.device), dict(ctx.kept)  # kept: backward may be called again
        for index, weight in reversed(list(enumerate(ctx.step_weights))):
            if index not in states:
                _find_again(ctx, states, index, meta, outer.device)
            state: State = states.pop(index)
            pull = pull or [torch.zeros_like(value) for value in state.values()]
            if index < len(ctx.step_weights) - 1:
                restore_rng(outer.device, ctx.step_rng[index])
                pull = pull_back(record(partial(_step_values, problem, index), state, meta), pull, total)
            if weight:
                restore_rng(outer.device, ctx.loss_rng[index])
                graph, ctx.last = ctx.last or record_losses(problem, state, meta), None
                pull = [a + b for a, b in zip(pull, pull_back(graph, [weight * outer], total), strict=True)]
                del graph
        restore_rng(outer.device, present)
        pull_back(record(lambda _, m: tuple(problem.start(m).values()), {}, meta), pull, total)
        return None, None, None, None, *total


def _room(state: State, steps: int) -> dict[int, State]:
    """Room for those of the states after ``1 … steps − 1`` steps that are kept, each like ``state``.

    It is taken at once, side by side: between the graphs of steps, freed one after another, states would leave holes.
    """
    size = sum(value.nbytes for value in state.values())
    kept = steps if size * steps <= KEPT_BYTES else min(steps, KEPT_STATES)
    return {i * steps // kept: {name: torch.empty_like(value) for name, value in state.items()} for i in range(1, kept)}


def _find_again(ctx: Any, states: dict[int, State], index: int, meta: State, device: torch.device) -> None:
    """Add to ``states`` those between the last kept one before ``index`` and ``index`` itself."""
    for before in range(max(kept for kept in states if kept < index), index):
        restore_rng(device, ctx.step_rng[before])
        states[before + 1] = ctx.problem.step(states[before], meta, before, False)


def _step_values(problem: InnerProblem, index: int, state: State, meta: State) -> tuple[Tensor, ...]:
    return tuple(problem.step(state, meta, index, differentiable=True).values())


def record(function: Callable[[State, State], tuple[Tensor, ...]], state: State, meta: State) -> Recorded:
    """``function`` of ``state`` and ``meta``, with the graph from those two to what it gives."""
    with torch.enable_grad():
        state, meta = ({name: value.detach().requires_grad_() for name, value in values.items()} for values in (state, meta))
        return Recorded(function(state, meta), state, meta)


def record_losses(problem: InnerProblem, state: State, meta: State) -> Recorded:
    """The outer losses of ``state`` and ``meta``, with their graph."""
    return record(lambda s, m: (problem.losses(s, m),), state, meta)


def pull_back(recorded: Recorded, weights: list[Tensor], total: list[Tensor]) -> list[Tensor]:
    """Pull ``weights`` back through ``recorded``: add the part of ``meta`` to ``total``, return the part of ``state``."""
    leaves = [*recorded.state.values(), *recorded.meta.values()]
    pairs = [(output, weight) for output, weight in zip(recorded.outputs, weights, strict=True) if output.requires_grad]
    if not pairs:
        return [torch.zeros_like(value) for value in recorded.state.values()]
    outputs, weights = map(list, zip(*pairs, strict=True))
    gradients = torch.autograd.grad(outputs, leaves, weights, allow_unused=True, materialize_grads=True)
    for sum_, gradient in zip(total, gradients[len(recorded.state) :], strict=True):
        sum_ += gradient
    return list(gradients[: len(recorded.state)])
