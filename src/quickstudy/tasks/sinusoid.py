"""Sinusoids: MAML's regression family, Meta-SGD's harder one, and the first mixed with lines."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.tasks.family import Family, FamilyData
from quickstudy.tasks.line import Line
from quickstudy.tasks.mixture import Mixture


@dataclass(frozen=True)
class Sinusoid(FamilyData):
    """Sinusoids of MAML, without noise.

    The tasks are ``y = A sin(x − φ)`` with A ~ U[0.1, 5], φ ~ U[0, π] and inputs ``x ~ U[−5, 5]``.

    Source: Finn et al. 2017, section 5.1.
    """

    def episodes(self, shot: int = 10, query: int = 10) -> Family:
        """Make regression tasks with ``shot`` support and ``query`` query points."""
        return Family(self.draw, shot, query, "sinusoid/maml")

    def draw(
        self, num_tasks: int, num_examples: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets ``[task, example, 1]`` of ``num_tasks`` sinusoids."""
        amplitude, phase, _, x = _draw(num_tasks, num_examples, generator)
        return x, amplitude * torch.sin(x - math.pi * phase)


@dataclass(frozen=True)
class SinusoidMetaSGD(FamilyData):
    """Sinusoids of Meta-SGD, whose frequencies differ, without noise.

    The tasks are ``y = A sin(ω x + b)`` with A ~ U[0.1, 5], ω ~ U[0.8, 1.2], b ~ U[0, π] and inputs
    ``x ~ U[−5, 5]``.

    Source: Li et al. 2017 (Meta-SGD), section 4.1.
    """

    def episodes(self, shot: int = 10, query: int = 10) -> Family:
        """Make regression tasks with ``shot`` support and ``query`` query points."""
        return Family(self.draw, shot, query, "sinusoid/metasgd")

    def draw(
        self, num_tasks: int, num_examples: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw inputs and targets ``[task, example, 1]`` of ``num_tasks`` sinusoids."""
        amplitude, phase, frequency, x = _draw(num_tasks, num_examples, generator)
        return x, amplitude * torch.sin((0.8 + 0.4 * frequency) * x + math.pi * phase)


@dataclass(frozen=True)
class SinusoidsAndLines(FamilyData):
    """Tasks of two kinds, equally likely: MAML's sinusoids and straight lines.

    Source: Vuorio et al. 2019 (MMAML) and Yao et al. 2019 (HSML), in their experiments on
        regression.
    """

    def episodes(self, shot: int = 10, query: int = 10) -> Mixture:
        """Make regression tasks with ``shot`` support and ``query`` query points."""
        return Mixture([Sinusoid().episodes(shot, query), Line().episodes(shot, query)])


def _draw(
    num_tasks: int, num_examples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Draw amplitudes, phases and frequencies ``[task, 1, 1]``, and inputs.

    Phases and frequencies are in [0, 1].
    """
    amplitude, phase, frequency = torch.rand(3, num_tasks, 1, 1, generator=generator)
    x = torch.rand(num_tasks, num_examples, 1, generator=generator) * 10 - 5
    return 0.1 + 4.9 * amplitude, phase, frequency, x
