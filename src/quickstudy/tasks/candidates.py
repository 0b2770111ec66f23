"""The classes that tasks are drawn from, group by group."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.random import distinct


@dataclass(frozen=True, eq=False)
class Candidates:
    """The classes that tasks are drawn from, sorted by group.

    Attributes:
        members: The classes ``[candidate]``.
        first: The place of a group's first class among them ``[group]``.
        count: The number of classes of every group ``[group]``.
        group: The identity of every group ``[group]``.
    """

    members: Tensor
    first: Tensor
    count: Tensor
    group: Tensor

    @classmethod
    def of(cls, groups: Tensor, step: int) -> "Candidates":
        """Take every ``step``-th class, which has its group in ``groups`` ``[class]``."""
        classes = torch.arange(0, len(groups), step)
        order = groups[classes].argsort(stable=True)
        group, count = groups[classes].unique(return_counts=True)
        return cls(classes[order], count.cumsum(0) - count, count, group)

    def of_at_least(self, way: int) -> "Candidates":
        """Leave out the groups that are too small for ``way``."""
        keep = self.count >= way
        return Candidates(self.members, self.first[keep], self.count[keep], self.group[keep])

    def draw(self, which: Tensor, way: int, generator: torch.Generator) -> Tensor:
        """Draw ``way`` classes ``[task, way]`` of each of the groups ``which`` ``[task]``."""
        return self.members[self.first[which, None] + distinct(self.count[which], way, generator)]
