"""How the outer gradient is obtained: three ways through the same inner loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

State = dict[str, Tensor]
OuterGradient = Literal["unrolled", "stepwise", "first_order"]


class InnerProblem(ABC):
    """An inner loop as functions of tensors: where it starts, one step of it, and what its end costs.

    ``meta`` are the meta-learned tensors by name; a state holds a task axis in front of everything.
    """

    @abstractmethod
    def start(self, meta: State) -> State:
        """The state before the first step."""

    @abstractmethod
    def step(self, state: State, meta: State, index: int, differentiable: bool) -> State:
        """The state after step ``index``; unless ``differentiable``, the inner gradient is a constant."""

    @abstractmethod
    def losses(self, state: State, meta: State) -> Tensor:
        """The outer loss of every task ``[task]``."""


def unrolled(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Tensor:
    """The outer losses ``[task]`` with a graph through all inner steps: exact, memory grows with the steps.

    ``Σ_k step_weights[k] · losses(s_k)`` over ``k = 0 … K``, where ``K = len(step_weights) − 1``.
    """
    return _forward(problem, meta, step_weights, differentiable=True)[0]


def first_order(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Tensor:
    """The outer losses ``[task]`` with inner gradients held constant: no second derivatives, no graph of the steps."""
    return _forward(problem, meta, step_weights, differentiable=False)[0]


def stepwise(problem: InnerProblem, meta: State, step_weights: Sequence[float]) -> Tensor:
    """The outer losses ``[task]`` with the exact gradient, computed step by step from the end.

    The forward pass keeps the state of every step and no graph. The backward pass starts with
    ``λ = ∂L/∂s_K`` and for ``k = K−1 … 0`` computes step ``k`` again and pulls ``λ`` back through
    it: ``λ ← (∂s_{k+1}/∂s_k)ᵀ λ``, which for gradient descent is ``λ − rate · H_k λ``, collecting
    ``(∂s_{k+1}/∂meta)ᵀ λ`` on the way. Memory is that of one step and grows with the weights only.

    Source: reverse-mode differentiation with checkpoints at every step (Griewank & Walther 2008, ch. 12);
    Maclaurin, Duvenaud & Adams 2015 treat the same recursion.
    """
    losses: Tensor = _Stepwise.apply(problem, tuple(step_weights), tuple(meta), *meta.values())  # type: ignore[no-untyped-call]
    return losses


def _forward(
    problem: InnerProblem, meta: State, step_weights: Sequence[float], differentiable: bool, before: Callable[[], None] = lambda: None
) -> tuple[Tensor, list[State]]:
    """Losses and all states; ``before`` is called before each computation that may draw random numbers."""
    states, losses = [problem.start(meta)], []
    for index, weight in enumerate(step_weights):
        if weight:
            before()
            losses.append(weight * problem.losses(states[-1], meta))
        if index < len(step_weights) - 1:
            before()
            states.append(problem.step(states[-1], meta, index, differentiable))
    return torch.stack(losses).sum(0) if len(losses) > 1 else losses[0], states


class _Stepwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, problem: InnerProblem, step_weights: tuple[float, ...], names: tuple[str, ...], *values: Tensor) -> Tensor:
        meta = dict(zip(names, values, strict=True))
        device, rng = values[0].device, []
        losses, states = _forward(problem, meta, step_weights, False, lambda: rng.append(_rng_state(device)))
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
        present, rng = _rng_state(outer.device), list(ctx.rng)  # kept: backward may be called again
        for index in reversed(range(len(ctx.states))):
            state: State = ctx.states[index]
            if index < len(ctx.states) - 1:
                _restore_rng(outer.device, rng.pop())
                pull = _pull(partial(_step_values, problem, meta, index), state, meta, pull, total)
            weight = ctx.step_weights[index]
            if weight:
                _restore_rng(outer.device, rng.pop())
                direct = _pull(lambda s: (problem.losses(s, meta),), state, meta, [weight * outer], total)
                pull = [a + b for a, b in zip(pull, direct, strict=True)]
        _restore_rng(outer.device, present)
        _pull(lambda _: tuple(problem.start(meta).values()), {}, meta, pull, total)
        return None, None, None, *total


def _step_values(problem: InnerProblem, meta: State, index: int, state: State) -> tuple[Tensor, ...]:
    return tuple(problem.step(state, meta, index, differentiable=True).values())


def _rng_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _restore_rng(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


def _pull(
    function: Callable[[State], tuple[Tensor, ...]], state: State, meta: State, weights: list[Tensor], total: list[Tensor]
) -> list[Tensor]:
    """Pull ``weights`` back through ``function``: add the part of ``meta`` to ``total``, return the part of ``state``."""
    with torch.enable_grad():
        leaves = {name: value.detach().requires_grad_() for name, value in state.items()}
        outputs = function(leaves)
        pairs = [(output, weight) for output, weight in zip(outputs, weights, strict=True) if output.requires_grad]
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


OUTER_GRADIENTS: dict[str, Callable[[InnerProblem, State, Sequence[float]], Tensor]] = {
    "unrolled": unrolled,
    "stepwise": stepwise,
    "first_order": first_order,
}
__all__ = ["OUTER_GRADIENTS", "InnerProblem", "OuterGradient", "State", "first_order", "stepwise", "unrolled"]
