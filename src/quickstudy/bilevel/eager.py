"""Losses whose gradient is found together with them, for the ways to it that keep no graph of the inner steps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from quickstudy.bilevel.problem import State
from quickstudy.bilevel.rng import restore_rng, rng_state
from quickstudy.bilevel.unrolled import Solved

PullBack = Callable[[Tensor], list[Tensor]]
"""Weights of the losses to the gradient of their weighted sum by the meta tensors; to be called once."""
Run = Callable[[State, bool], tuple[Tensor, State, PullBack]]
"""The meta tensors, and whether a gradient is wanted, to the losses, the last state, and how to pull weights back."""


def eager(run: Run, meta: State) -> Solved:
    """The losses of ``run``, the gradient of their sum found at once; and the last state.

    Nearly always all losses weigh the same (their mean or sum is taken), so the forward pass finds
    the gradient of their sum, the backward pass scales it, and nothing of the inner steps outlives
    the forward pass. Where they turn out to weigh differently, everything is computed again, from
    the same random state."""
    if not (torch.is_grad_enabled() and any(value.requires_grad for value in meta.values())):
        with torch.no_grad():
            return run(meta, False)[:2]
    last: list[State] = []
    losses: Tensor = _Eager.apply(run, last, tuple(meta), *meta.values())  # type: ignore[no-untyped-call]
    return losses, last[0]


class _Eager(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, run: Run, last: list[State], names: tuple[str, ...], *values: Tensor
    ) -> Tensor:
        ctx.run, ctx.names, ctx.rng = run, names, rng_state(values[0].device)
        kind = values[0].device.type
        ctx.autocast = kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)
        losses, state, pull_back = run(dict(zip(names, values, strict=True)), True)
        ctx.save_for_backward(*values, *pull_back(torch.ones_like(losses)))
        last.append(state)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        values, found = ctx.saved_tensors[: len(ctx.names)], ctx.saved_tensors[len(ctx.names) :]
        weight = outer.flatten()[:1]
        if (outer == weight).all():
            return None, None, None, *(weight.sum() * part for part in found)
        present = rng_state(outer.device)
        restore_rng(outer.device, ctx.rng)
        with torch.autocast(*ctx.autocast):
            gradient = ctx.run(dict(zip(ctx.names, values, strict=True)), True)[2](outer)
        restore_rng(outer.device, present)
        return None, None, None, *gradient
