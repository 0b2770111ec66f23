"""All rows of every task, and random halves of them: what a measure computes twice shows how sure it is."""

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.tasks import TableTasks


def rows_of(tasks: TableTasks | Episode | Batch) -> tuple[Batch, Tensor, tuple[str, ...]]:
    """All rows of every task padded, the tasks' identities ``[task]`` and names; an episode gives
    support and query together.

    Raises:
        UserError: If there are fewer than 2 tasks.
    """
    if isinstance(tasks, TableTasks):
        batch, identity, names = tasks.batch(), tasks.identity, tasks.names
    elif isinstance(tasks, Episode):
        batch, identity = Batch.joined([tasks.support, tasks.query], axis=1), tasks.task
        names = tuple(map(str, identity.tolist()))
    else:
        batch, identity = tasks, torch.arange(tasks.num_tasks)
        names = tuple(map(str, range(tasks.num_tasks)))
    require(batch.num_tasks >= 2, f"Relatedness needs at least 2 tasks. Found {batch.num_tasks}.")
    return batch, identity, names


def halves(mask: Tensor, identity: Tensor, splits: int, seed: int = 0) -> Tensor:
    """Which rows are in which half of ``splits`` random splits of every task ``[split, 2, task,
    example]``, 1 or 0.

    A task's halves depend on its identity alone, not on the tasks beside it. Of an odd number of
    rows the first half has one less.

    Args:
        mask: ``[task, example]``, 1 for a real row.
        identity: ``[task]``.
        splits: How many.
        seed: Which.

    Example:
        >>> halves(torch.tensor([[1.0, 1.0, 1.0, 0.0]]), torch.tensor([7]), splits=1).sum(-1).flatten().tolist()
        [1.0, 2.0]
    """
    chosen = torch.zeros(splits, 2, *mask.shape, dtype=mask.dtype)
    for task, name in enumerate(identity.tolist()):
        rows, draw = mask[task].nonzero().flatten().cpu(), generator(seed, "halves", name)
        for split in range(splits):
            order = rows[torch.randperm(len(rows), generator=draw)]
            chosen[split, 0, task, order[: len(rows) // 2]] = 1
            chosen[split, 1, task, order[len(rows) // 2 :]] = 1
    return chosen.to(mask.device)


__all__ = ["halves", "rows_of"]
