"""The exact outer gradient, computed step by step from the end."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.bilevel.eager import PullBack, eager
from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.bilevel.unrolled import Solved


def stepwise(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Solved:
    """The outer losses ``[task]`` with the exact gradient, computed step by step from the end; and
    the last state.

    The steps are taken without a graph, their states ``s_k`` kept. Then, starting with ``λ =
    ∂L/∂s_K``, for ``k = K−1 … 0`` step ``k`` is computed again and ``λ`` pulled back through it:
    ``λ ← (∂s_{k+1}/∂s_k)ᵀ λ``, which for gradient descent is ``λ − rate · H_k λ``, collecting
    ``(∂s_{k+1}/∂meta)ᵀ λ`` on the way. Memory is that of one step and of all states; it is free
    again once the losses are there (see :func:`~quickstudy.bilevel.eager.eager`).

    Source: reverse-mode differentiation with a checkpoint at every step (Griewank & Walther 2008,
        ch. 12);
    Maclaurin, Duvenaud & Adams 2015 treat the same recursion.
    """
    return eager(partial(_run, problem, step_weights), meta)


class Recorded(NamedTuple):
    """A function computed with its graph: what it gave, and what it was given."""

    outputs: tuple[Tensor, ...]
    state: State
    meta: State


def _run(
    problem: InnerProblem, step_weights: Sequence[float], meta: State, wanted: bool
) -> tuple[Tensor, State, PullBack]:
    device, steps = next(iter(meta.values())).device, len(step_weights) - 1
    before_start = rng_state(device)  # what is computed again must draw the same dropout
    state, losses, trail, last = problem.start(meta), [], [], []
    for index, weight in enumerate(step_weights):
        before_losses = rng_state(device)
        if weight and index == steps and wanted:
            last.append(record_losses(problem, state, meta))
            losses.append(weight * last[0].outputs[0].detach())
        elif weight:
            losses.append(weight * problem.losses(state, meta))
        if wanted:
            trail.append((state, before_losses, rng_state(device)))
        if index < steps:
            state = problem.step(state, meta, index, False)

    def pull_all(outer: Tensor) -> list[Tensor]:
        total, present = [torch.zeros_like(value) for value in meta.values()], rng_state(device)
        pull = [torch.zeros_like(value) for value in state.values()]
        for index, weight in reversed(list(enumerate(step_weights))):
            kept, before_losses, before_step = trail.pop()
            if index < steps:
                restore_rng(device, before_step)
                pull = pull_back(
                    record(partial(_step_values, problem, index), kept, meta), pull, total
                )
            if weight:
                restore_rng(device, before_losses)
                recorded = last.pop() if last else record_losses(problem, kept, meta)
                pull = [
                    a + b
                    for a, b in zip(pull, pull_back(recorded, [weight * outer], total), strict=True)
                ]
                del recorded
        restore_rng(device, before_start)
        pull_back(record(lambda _, m: tuple(problem.start(m).values()), {}, meta), pull, total)
        restore_rng(device, present)
        return total

    return torch.stack(losses).sum(0), state, pull_all


def _step_values(
    problem: InnerProblem, index: int, state: State, meta: State
) -> tuple[Tensor, ...]:
    return tuple(problem.step(state, meta, index, differentiable=True).values())


def record(
    function: Callable[[State, State], tuple[Tensor, ...]], state: State, meta: State
) -> Recorded:
    """``function`` of ``state`` and ``meta``, with the graph from those two to what it gives."""
    with torch.enable_grad():
        state, meta = (
            {name: value.detach().requires_grad_() for name, value in values.items()}
            for values in (state, meta)
        )
        return Recorded(function(state, meta), state, meta)


def record_losses(problem: InnerProblem, state: State, meta: State) -> Recorded:
    """The outer losses of ``state`` and ``meta``, with their graph."""
    return record(lambda s, m: (problem.losses(s, m),), state, meta)


def pull_back(recorded: Recorded, weights: list[Tensor], total: list[Tensor]) -> list[Tensor]:
    """Pull ``weights`` back through ``recorded``: add the part of ``meta`` to ``total``, return the part of ``state``."""
    leaves = [*recorded.state.values(), *recorded.meta.values()]
    pairs = [
        (output, weight)
        for output, weight in zip(recorded.outputs, weights, strict=True)
        if output.requires_grad
    ]
    if not pairs:
        return [torch.zeros_like(value) for value in recorded.state.values()]
    outputs, weights = map(list, zip(*pairs, strict=True))
    gradients = torch.autograd.grad(
        outputs, leaves, weights, allow_unused=True, materialize_grads=True
    )
    for sum_, gradient in zip(total, gradients[len(recorded.state) :], strict=True):
        sum_ += gradient
    return list(gradients[: len(recorded.state)])
