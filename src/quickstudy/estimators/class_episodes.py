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
    """N-way K-shot tasks from the classes of every task.

    Where not ``way`` classes of a task have ``shot + query`` rows, both shrink in proportion to
    what they have; classes of fewer rows are left out. Where no task has ``way`` classes of two
    rows, ``way`` is the most that one has.

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
        require(
            value >= least, f"Parameter `{name}` should be at least {least}. Found {name}={value}."
        )
    groups, group_names = pd.factorize(task, sort=True)
    classes = pd.MultiIndex.from_arrays([groups, y])
    codes, names = pd.factorize(classes, sort=True)
    sizes = np.bincount(codes)
    of_class = np.asarray([name[0] for name in names])
    able = [int(((of_class == group) & (sizes >= 2)).sum()) for group in range(len(group_names))]
    distinct = len(np.unique(y))
    require(
        max(able) >= 2,
        f"A task should have at least 2 classes of 2 examples. Found {distinct} "
        f"class{'es' * (distinct > 1)}.",
    )
    way = min(way, max(able))
    ordered = [np.sort(sizes[of_class == group])[::-1] for group in range(len(group_names))]
    total = min(shot + query, max(int(own[way - 1]) for own in ordered if len(own) >= way))
    support = max(1, total * shot // (shot + query))
    order = torch.from_numpy(np.argsort(codes, kind="stable"))
    size = torch.from_numpy(sizes)
    labels = tuple(f"{group_names[group]}/{label}" for group, label in names)
    pool = Classes(
        x[order],
        size.cumsum(0) - size,
        size,
        labels,
        torch.from_numpy(of_class),
        tuple(map(str, group_names)),
        "rows",
    )
    kept = (size >= total).nonzero().squeeze(1)
    return pool.subset(kept, "rows").episodes(way, support, total - support, within_group=True)


__all__ = ["episodes_of"]
