"""Sinusoids: MAML's regression family, and Meta-SGD's harder one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.errors import require
from quickstudy.tasks.family import Family


@dataclass(frozen=True)
class Sinusoid:
    """Tasks ``y = A sin(ω x − φ)`` with inputs ``x ~ U[−5, 5]``, without noise.

    Args:
        variant: ``"maml"``: A ~ U[0.1, 5], φ ~ U[0, π], ω = 1. ``"metasgd"``: A ~ U[0.1, 5],
            ω ~ U[0.8, 1.2], and ``y = A sin(ω x + b)`` with b ~ U[0, π].

    Source: Finn et al. 2017, section 5.1; Li et al. 2017 (Meta-SGD), section 4.1.
    """

    variant: str = "maml"

    def __post_init__(self) -> None:
        require(
            self.variant in ("maml", "metasgd"),
            f"Parameter `variant` should be 'maml' or 'metasgd'. Found {self.variant!r}.",
        )

    @recorded
    def episodes(self, shot: int = 10, query: int = 10) -> Family:
        """Regression tasks with ``shot`` support and ``query`` query points."""
        return Family(self.draw, shot, query, label=f"sinusoid/{self.variant}")

    def draw(
        self, num_tasks: int, num_examples: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Inputs and targets ``[task, example, 1]`` of ``num_tasks`` sinusoids."""
        amplitude, phase, frequency = torch.rand(3, num_tasks, 1, 1, generator=generator)
        x = torch.rand(num_tasks, num_examples, 1, generator=generator) * 10 - 5
        if self.variant == "maml":
            return x, (0.1 + 4.9 * amplitude) * torch.sin(x - math.pi * phase)
        return x, (0.1 + 4.9 * amplitude) * torch.sin((0.8 + 0.4 * frequency) * x + math.pi * phase)
