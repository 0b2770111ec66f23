"""All rows of every task, and random halves of them, whose disagreement is noise."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.tasks import TableTasks

Rows = tuple[Batch, Tensor, tuple[str, ...]]
"""The rows of every task, padded; the identities of the tasks ``[task]``; their names."""


def rows_of(tasks: TableTasks | Episode | Batch) -> Rows:
    """Collect all rows of every task, with the tasks' identities ``[task]`` and names.

    An episode gives its support and query rows together.

    Raises:
        UserError: If there are fewer than 2 tasks.
    """
    batch, identity, names = _rows_of(tasks)
    require(batch.num_tasks >= 2, f"Relatedness needs at least 2 tasks. Found {batch.num_tasks}.")
    return batch, identity, names


def _rows_of(tasks: TableTasks | Episode | Batch) -> Rows:
    if isinstance(tasks, TableTasks):
        return tasks.batch(), tasks.identity, tasks.names
    if isinstance(tasks, Episode):
        joined = Batch.joined([tasks.support, tasks.query], axis=1)
        return joined, tasks.task, _numbered(tasks.task)
    identity = torch.arange(tasks.num_tasks)
    return tasks, identity, _numbered(identity)


def _numbered(identity: Tensor) -> tuple[str, ...]:
    return tuple(map(str, identity.tolist()))


def halves(mask: Tensor, identity: Tensor, splits: int, seed: int = 0) -> Tensor:
    """Divide the rows of every task at random into halves, several times.

    The halves of a task depend only on its identity, not on the tasks beside it. Of an odd number
    of rows, the first half has one less.

    Args:
        mask: ``[task, example]``, 1 for a real row.
        identity: ``[task]``.
        splits: The number of divisions.
        seed: The seed of the divisions.

    Returns:
        ``[split, 2, task, example]``, 1 for the rows of each half.

    Example:
        >>> mask = torch.tensor([[1.0, 1.0, 1.0, 0.0]])
        >>> halves(mask, torch.tensor([7]), splits=1).sum(-1).flatten().tolist()
        [1.0, 2.0]
    """
    chosen = torch.zeros(splits, 2, *mask.shape, dtype=mask.dtype)
    for task, name in enumerate(identity.tolist()):
        draw = generator(seed, "halves", name)
        for split in range(splits):
            chosen[split, :, task] = _divided(mask[task].cpu(), draw)
    return chosen.to(mask.device)


def _divided(mask: Tensor, draw: torch.Generator) -> Tensor:
    """Divide the real rows of a task ``[example]`` at random into halves ``[2, example]``."""
    rows, chosen = mask.nonzero().flatten(), torch.zeros(2, *mask.shape, dtype=mask.dtype)
    order = rows[torch.randperm(len(rows), generator=draw)]
    for half, own in zip(chosen, order.tensor_split([len(rows) // 2]), strict=True):
        half[own] = 1
    return chosen


def masked(batch: Batch, rows: Tensor) -> Batch:
    """Give ``batch`` with only the rows that are 1 in ``rows`` ``[task, example]``."""
    return replace(batch, mask=batch.mask * rows)


def over_sets(function: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
    """Apply a function of one set of rows to several.

    Args:
        function: From rows ``[task, example]`` to ``[task, parameter]``.
        rows: ``[..., task, example]``.

    Returns:
        ``[..., task, parameter]``.
    """
    found = [function(own) for own in rows.reshape(-1, *rows.shape[-2:])]
    return torch.stack(found).reshape(*rows.shape[:-1], -1)


__all__ = ["halves", "masked", "over_sets", "rows_of"]
