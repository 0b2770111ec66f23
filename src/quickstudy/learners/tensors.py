"""Tensors of many tasks: leave some out, repeat them for every task, measure them."""

from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch


def without(weights: Weights, names: Collection[str]) -> Weights:
    """Return ``weights`` without the tensors of some ``names``."""
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


def some_tasks(values: Any, tasks: slice) -> Any:
    """Take the tasks of a slice from a tree of tensors ``[task, ...]``."""
    return pytree.tree_map(lambda value: value[tasks], values)


def real_first(mask: Tensor) -> Tensor:
    """Return places ``[task, example]`` that put the padding of every task behind its examples."""
    return (mask == 0).long().argsort(dim=1, stable=True)


__all__ = ["for_every_task", "real_first", "rows_at", "some_tasks", "squared_norms", "without"]
