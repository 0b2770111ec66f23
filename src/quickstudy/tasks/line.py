"""Straight lines: half of the mixture for methods that tell kinds of tasks apart."""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.tasks.family import Family, FamilyData


@dataclass(frozen=True)
class Line(FamilyData):
    """Straight lines without noise.

    The tasks are ``y = a x + b`` with a, b ~ U[−3, 3] and inputs ``x ~ U[−5, 5]``.

    Source: Vuorio et al. 2019 (MMAML) and Yao et al. 2019 (HSML), in their experiments on
        regression.
    """

    def episodes(self, shot: int = 10, query: int = 10) -> Family:
        """Make regression tasks with ``shot`` support and ``query`` query points."""
        return Family(self.draw, shot, query, "line")

    def draw(
        self, num_tasks: int, num_examples: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets ``[task, example, 1]`` of ``num_tasks`` lines."""
        slope, intercept = torch.rand(2, num_tasks, 1, 1, generator=generator) * 6 - 3
        x = torch.rand(num_tasks, num_examples, 1, generator=generator) * 10 - 5
        return x, slope * x + intercept
