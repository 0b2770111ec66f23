"""Episodes of labelled rows, of the sizes that the classes allow."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.errors import require, require_at_least
from quickstudy.tasks.classes import Classes, Episodes


def episodes_of(
    x: Tensor, y: np.ndarray, task: np.ndarray, way: int, shot: int, query: int
) -> Episodes:
    """Make N-way K-shot tasks from the classes of every task.

    If no task has ``way`` classes of ``shot + query`` rows, ``shot`` and ``query`` shrink in
    proportion until one has; classes of fewer rows are left out. If no task has ``way`` classes of
    two rows, ``way`` is the most that one has.

    Args:
        x: Examples ``[row, *feature]``.
        y: Classes ``[row]``.
        task: The task of every row ``[row]``.
        way: Classes of an episode.
        shot: Support examples of a class.
        query: Query examples of a class.

    Raises:
        UserError: If an argument is out of range, or no task has two classes of two rows.
    """
    require_at_least(2, way=way)
    require_at_least(1, shot=shot, query=query)
    pool = _pool(x, y, task)
    of_task = _sizes(pool)
    way = min(way, _most_classes(of_task, len(np.unique(y))))
    total = min(shot + query, max(int(own[way - 1]) for own in of_task if len(own) >= way))
    support = max(1, total * shot // (shot + query))
    kept = (pool.size >= total).nonzero().squeeze(1)
    return pool.subset(kept, "rows").episodes(way, support, total - support, within_group=True)


def _sizes(pool: Classes) -> list[np.ndarray]:
    """Give the numbers of rows of the classes of every task, the largest first."""
    sizes, groups = pool.size.numpy(), pool.groups.numpy()
    return [_descending(sizes[groups == group]) for group in range(len(pool.group_names))]


def _descending(values: np.ndarray) -> np.ndarray:
    return np.sort(values)[::-1]


def _most_classes(of_task: list[np.ndarray], distinct: int) -> int:
    """Give the most classes of two rows that a task has.

    Args:
        of_task: The numbers of rows of the classes of every task.
        distinct: The number of different classes, which the error names.

    Raises:
        UserError: If no task has two.
    """
    most = max(map(_num_usable, of_task))
    require(
        most >= 2,
        f"A task should have at least 2 classes of 2 examples. Found {distinct} "
        f"class{'es' * (distinct > 1)}.",
    )
    return most


def _num_usable(sizes: np.ndarray) -> int:
    """Count the classes of two rows or more."""
    return int((sizes >= 2).sum())


def _pool(x: Tensor, y: np.ndarray, task: np.ndarray) -> Classes:
    """Sort the rows by class, and make every task a group of classes."""
    groups, group_names = pd.factorize(task, sort=True)
    codes, names = pd.factorize(pd.MultiIndex.from_arrays([groups, y]), sort=True)
    size = torch.from_numpy(np.bincount(codes))
    labels = tuple(f"{group_names[group]}/{label}" for group, label in names)
    return Classes(
        x[torch.from_numpy(np.argsort(codes, kind="stable"))],
        size.cumsum(0) - size,
        size,
        labels,
        torch.from_numpy(np.asarray([name[0] for name in names])),
        tuple(map(str, group_names)),
        "rows",
    )


__all__ = ["episodes_of"]
