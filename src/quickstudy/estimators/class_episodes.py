"""Episodes of labelled rows, of the sizes that the classes allow."""

from dataclasses import dataclass

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
    total = min(shot + query, _most_examples(of_task, way))
    support = max(1, total * shot // (shot + query))
    return _large(pool, total).episodes(way, support, total - support, within_group=True)


def _most_examples(of_task: list[np.ndarray], way: int) -> int:
    """Give the most rows that each of ``way`` classes of a task has."""
    return max(int(own[way - 1]) for own in of_task if len(own) >= way)


def _large(pool: Classes, num_rows: int) -> Classes:
    """Give the pool of the classes of ``num_rows`` rows or more."""
    kept = (pool.size >= num_rows).nonzero().squeeze(1)
    return pool.subset(kept, "rows")


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


@dataclass(frozen=True, eq=False)
class _ClassesOfTasks:
    """The classes of all tasks, sorted by task.

    Attributes:
        codes: The place of every row's class among them ``[row]``.
        pairs: The place of the task and the label of every class.
        tasks: The tasks, sorted.
    """

    codes: np.ndarray
    pairs: pd.MultiIndex
    tasks: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, task: np.ndarray) -> "_ClassesOfTasks":
        """Find them among the rows' classes ``y`` ``[row]`` and their ``task`` ``[row]``."""
        places, tasks = pd.factorize(task, sort=True)
        codes, pairs = pd.factorize(pd.MultiIndex.from_arrays([places, y]), sort=True)
        return cls(codes, pairs, tasks)

    def sizes(self) -> Tensor:
        """Count the rows of every class ``[class]``."""
        return torch.from_numpy(np.bincount(self.codes))

    def names(self) -> tuple[str, ...]:
        """Name every class by its task and its label."""
        return tuple(f"{self.tasks[place]}/{label}" for place, label in self.pairs)

    def groups(self) -> Tensor:
        """Give the place of every class's task ``[class]``."""
        return torch.from_numpy(np.asarray([place for place, _ in self.pairs]))


def _pool(x: Tensor, y: np.ndarray, task: np.ndarray) -> Classes:
    """Sort the rows by class, and make every task a group of classes."""
    classes = _ClassesOfTasks.of(y, task)
    size, order = classes.sizes(), np.argsort(classes.codes, kind="stable")
    return Classes(
        x=x[torch.from_numpy(order)],
        start=size.cumsum(0) - size,
        size=size,
        names=classes.names(),
        groups=classes.groups(),
        group_names=tuple(map(str, classes.tasks)),
        label="rows",
    )


__all__ = ["episodes_of"]
