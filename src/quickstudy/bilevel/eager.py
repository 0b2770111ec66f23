"""Losses whose gradient is computed together with them, so that no graph of the steps is kept."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from quickstudy.bilevel.problem import State
from quickstudy.bilevel.rng import restore_rng, rng_kept, rng_state
from quickstudy.bilevel.unrolled import Solved

PullBack = Callable[[Tensor], list[Tensor]]
"""Maps weights of the losses to the gradient of their sum by the meta tensors. Call it once."""
Ran = tuple[Tensor, State, PullBack]
"""The losses, the last state, and how to pull weights of the losses back."""
Run = Callable[[State, bool], Ran]
"""Maps the meta tensors, and whether a gradient is needed, to the result."""


def eager(run: Run, meta: State) -> Solved:
    """Compute the losses of ``run`` and the gradient of their sum at once; give the last state too.

    Nearly always all losses weigh the same, because their mean or sum is taken. So the forward pass
    computes the gradient of their sum, and the backward pass scales it. Nothing of the inner steps
    outlives the forward pass. If the losses turn out to weigh differently, the backward pass
    computes everything again, from the same random state.
    """
    if not (torch.is_grad_enabled() and any(value.requires_grad for value in meta.values())):
        with torch.no_grad():
            return run(meta, False)[:2]
    last: list[State] = []
    apply: Callable[..., Tensor] = _Eager.apply
    return apply(run, last, tuple(meta), *meta.values()), last[0]


class _Eager(torch.autograd.Function):
    """Give the losses of a run as a function of the meta tensors; a list gets the last state."""

    @staticmethod
    def forward(
        ctx: Any, run: Run, last: list[State], names: tuple[str, ...], *values: Tensor
    ) -> Tensor:
        device = values[0].device
        ctx.run, ctx.names = run, names
        ctx.rng = rng_state(device)
        ctx.autocast = _autocast(device.type)
        losses, state, pull_back = run(dict(zip(names, values, strict=True)), True)
        ctx.save_for_backward(*values, *pull_back(torch.ones_like(losses)))
        last.append(state)
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor | None, ...]:
        count = len(ctx.names)
        values, found = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        weight = outer.flatten()[:1]
        if (outer == weight).all():
            return None, None, None, *(weight.sum() * part for part in found)
        return None, None, None, *_again(ctx, values, outer)


def _autocast(device: str) -> tuple[str, torch.dtype, bool]:
    """Give the arguments of ``torch.autocast`` that are in force."""
    return device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device)


def _again(ctx: Any, values: tuple[Tensor, ...], outer: Tensor) -> list[Tensor]:
    """Compute the losses again and pull the weights ``outer`` back to the meta tensors."""
    with rng_kept(outer.device), torch.autocast(*ctx.autocast):
        restore_rng(outer.device, ctx.rng)
        pull_back: PullBack = ctx.run(dict(zip(ctx.names, values, strict=True)), True)[2]
        return pull_back(outer)
