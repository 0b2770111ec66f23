"""The exact outer gradient, computed step by step from the end."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from quickstudy.bilevel.problem import InnerProblem, State
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.bilevel.unrolled import Solved, run


def stepwise(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Solved:
    """The outer losses ``[task]`` with the exact gradient, computed step by step from the end; and the last state.

    The forward pass keeps the state of every step and no graph. The backward pass starts with
    ``λ = ∂L/∂s_K`` and for ``k = K−1 … 0`` computes step ``k`` again and pulls ``λ`` back through
    it: ``λ ← (∂s_{k+1}/∂s_k)ᵀ λ``, which for gradient descent is ``λ − rate · H_k λ``, collecting
    ``(∂s_{k+1}/∂meta)ᵀ λ`` on the way. Memory is that of one step and grows with the weights only.

    Source: reverse-mode differentiation with checkpoints at every step (Griewank & Walther 2008, ch. 12);
    Maclaurin, Duvenaud & Adams 2015 treat the same recursion.
    """
    states: list[State] = []
    losses: Tensor = _Stepwise.apply(problem, tuple(step_weights), states, tuple(meta), *meta.values())  # type: ignore[no-untyped-call]
    return losses, states[-1]


class _Stepwise(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, problem: InnerProblem, step_weights: tuple[float, ...], states: list[State], names: tuple[str, ...], *values: Tensor
    ) -> Tensor:
        meta = dict(zip(names, values, strict=True))
        device, rng = values[0].device, []
        losses, _ = run(problem, meta, step_weights, lambda _: False, states.append, lambda: rng.append(rng_state(device)))
        ctx.rng = rng  # a step that is computed again must draw the same dropout
        ctx.problem, ctx.names, ctx.states, ctx.step_weights = problem, names, states, step_weights
        ctx.save_for_backward(*values)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        problem: InnerProblem = ctx.problem
        meta = {name: value.detach().requires_grad_() for name, value in zip(ctx.names, ctx.saved_tensors, strict=True)}
        total = [torch.zeros_like(value) for value in meta.values()]
        pull = [torch.zeros_like(value) for value in ctx.states[-1].values()]
        present, rng = rng_state(outer.device), list(ctx.rng)  # kept: backward may be called again
        for index in reversed(range(len(ctx.states))):
            state: State = ctx.states[index]
            if index < len(ctx.states) - 1:
                restore_rng(outer.device, rng.pop())
                pull = pull_back(partial(_step_values, problem, meta, index), state, meta, pull, total)
            weight = ctx.step_weights[index]
            if weight:
                restore_rng(outer.device, rng.pop())
                direct = pull_back(lambda s: (problem.losses(s, meta),), state, meta, [weight * outer], total)
                pull = [a + b for a, b in zip(pull, direct, strict=True)]
        restore_rng(outer.device, present)
        pull_back(lambda _: tuple(problem.start(meta).values()), {}, meta, pull, total)
        return None, None, None, None, *total


def _step_values(problem: InnerProblem, meta: State, index: int, state: State) -> tuple[Tensor, ...]:
    return tuple(problem.step(state, meta, index, differentiable=True).values())


def pull_back(
    function: Callable[[State], tuple[Tensor, ...]], state: State, meta: State, weights: list[Tensor], total: list[Tensor]
) -> list[Tensor]:
    """Pull ``weights`` back through ``function``: add the part of ``meta`` to ``total``, return the part of ``state``."""
    with torch.enable_grad():
        leaves = {name: value.detach().requires_grad_() for name, value in state.items()}
        outputs = function(leaves)
        pairs = [(output, weight) for output, weight in zip(outputs, weights, strict=True) if output.requires_grad]
        if not pairs:
            return [torch.zeros_like(value) for value in leaves.values()]
        gradients = torch.autograd.grad(
            [output for output, _ in pairs],
            [*leaves.values(), *meta.values()],
            [weight for _, weight in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
    for sum_, gradient in zip(total, gradients[len(leaves) :], strict=True):
        sum_ += gradient
    return list(gradients[: len(leaves)])
