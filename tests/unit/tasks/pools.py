"""Pools whose examples are their own row number, so that a test can see where each came from."""

import torch
from torch import Tensor

import quickstudy as qs
from quickstudy.tasks import Classes


def numbered(sizes: list[int], groups: list[int] | None = None) -> Classes:
    """Class ``c`` has ``sizes[c]`` rows; ``x`` of row ``r`` is ``[r]``."""
    size = torch.tensor(sizes)
    group = torch.tensor(groups) if groups is not None else torch.zeros_like(size)
    x = torch.arange(int(size.sum()), dtype=torch.float32).unsqueeze(1)
    names = tuple(f"class{c}" for c in range(len(sizes)))
    group_names = tuple(f"group{g}" for g in range(int(group.max()) + 1))
    return Classes(x, size.cumsum(0) - size, size, names, group, group_names, "numbered")


def class_of(pool: Classes, rows: Tensor) -> Tensor:
    """The class that owns each of ``rows``."""
    return torch.searchsorted(pool.start + pool.size, rows.long(), right=True)


def draw(source: qs.tasks.TaskSource, num_tasks: int = 8, seed: int = 0) -> qs.episode.Episode:
    return source.sample(num_tasks, qs.Moment(seed, "test"))
