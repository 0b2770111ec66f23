"""Episodes of labelled rows, of the sizes that the classes allow."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.tasks.classes import Classes, Episodes


def episodes_of(
    x: Tensor, y: np.ndarray, task: np.ndarray, way: int, shot: int, query: int
) -> Episodes:
    """Make N-way K-shot tasks from the classes of every task.

    If a task has fewer than ``way`` classes of ``shot + query`` rows, both shrink in proportion
    until one has; classes of fewer rows are left out. If no task has ``way`` classes of two rows,
    ``way`` is the most that one has.

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
    for name, value, least in (("way", way, 2), ("shot", shot, 1), ("query", query, 1)):
        wanted = f"Parameter `{name}` should be at least {least}. Found {name}={value}."
        require(value >= least, wanted)
    pool = _pool(x, y, task)
    sizes = pool.size.numpy()
    of_task = [sizes[pool.groups.numpy() == group] for group in range(len(pool.group_names))]
    most = max(int((own >= 2).sum()) for own in of_task)
    distinct = len(np.unique(y))
    require(
        most >= 2,
        f"A task should have at least 2 classes of 2 examples. Found {distinct} "
        f"class{'es' * (distinct > 1)}.",
    )
    way = min(way, most)
    ordered = [np.sort(own)[::-1] for own in of_task]
    total = min(shot + query, max(int(own[way - 1]) for own in ordered if len(own) >= way))
    support = max(1, total * shot // (shot + query))
    kept = (pool.size >= total).nonzero().squeeze(1)
    return pool.subset(kept, "rows").episodes(way, support, total - support, within_group=True)


def _pool(x: Tensor, y: np.ndarray, task: np.ndarray) -> Classes:
    """Sort the rows by class, and make every task a group of classes."""
    groups, group_names = pd.factorize(task, sort=True)
    codes, names = pd.factorize(pd.MultiIndex.from_arrays([groups, y]), sort=True)
    size = torch.from_numpy(np.bincount(codes))
    return Classes(
        x[torch.from_numpy(np.argsort(codes, kind="stable"))],
        size.cumsum(0) - size,
        size,
        tuple(f"{group_names[group]}/{label}" for group, label in names),
        torch.from_numpy(np.asarray([name[0] for name in names])),
        tuple(map(str, group_names)),
        "rows",
    )


__all__ = ["episodes_of"]
