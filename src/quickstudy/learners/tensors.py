"""Tensors of many tasks: leave some out, repeat them for every task, measure them."""

from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch


def without(weights: Weights, names: Collection[str]) -> Weights:
    """Return ``weights`` without those of some ``names``."""
    return {name: value for name, value in weights.items() if name not in names}


def for_every_task(weights: Weights, num_tasks: int) -> Weights:
    """Return the same ``weights`` for every task ``[task, ...]``."""
    return {name: value.expand(num_tasks, *value.shape) for name, value in weights.items()}


def squared_norms(tensors: Iterable[Tensor]) -> Tensor:
    """Return the squared norm of all ``tensors`` ``[task, ...]`` together, for every task."""
    return torch.stack([tensor.square().flatten(1).sum(1) for tensor in tensors]).sum(0)


def rows_at(batch: Batch, places: Tensor) -> Batch:
    """Take the examples of every task of ``batch`` at its ``places`` ``[task, example]``."""
    task = torch.arange(len(places), device=places.device).unsqueeze(1)
    return batch.each(lambda values: values[task, places])


__all__ = ["for_every_task", "rows_at", "squared_norms", "without"]
