"""The abstract parent of step rules: how a task's own tensors change by a step."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.parts.part import Part


class Slope(NamedTuple):
    """What a step descends.

    Attributes:
        losses: The support loss of every task ``[task]``.
        gradients: Its gradient by what the task owns, ``[task, ...]`` each.
    """

    losses: Tensor
    gradients: Weights


class StepRule(nn.Module, ABC):
    """How what a task owns changes by a step.

    A rule is made before it knows the part; :meth:`attach` shows it. Its parameters are
    meta-learned beside those of the network, and come to its methods as ``learned``.

    Args:
        inner_lr: Inner learning rate, for a loss that is a *mean* over examples.

    Raises:
        UserError: If the rate is not positive.
    """

    learns: bool = False
    """Whether something of the rule is meta-learned."""

    by_step: bool = False
    """Whether weights below the part change with the step (see :meth:`scheduled`)."""

    inner_optimiser: str = ""
    """The name of the optimiser that makes steps of gradients, if one does."""

    def __init__(self, inner_lr: float) -> None:
        super().__init__()
        require(
            inner_lr > 0, f"Parameter `inner_lr` should be positive. Found inner_lr={inner_lr}."
        )
        self.inner_lr = inner_lr

    def attach(self, model: nn.Module, part: Part, inner_steps: int) -> None:
        """Look at what is adapted, and make the parameters of the rule."""

    @abstractmethod
    def slots(self, weights: Weights, learned: State) -> State:
        """What the rule remembers of ``weights`` ``[task, ...]``, before the first step."""

    @abstractmethod
    def step(
        self, state: State, names: tuple[str, ...], slope: Slope, learned: State, index: int
    ) -> State:
        """``state``, the weights ``names`` and the slots, after step ``index``."""

    def scheduled(self, weights: State, learned: State, index: int) -> Weights:
        """Those of the shared ``weights`` that change with the step instead of adapting."""
        return {}

    def rows(self, support: Batch, index: int) -> Batch:
        """The support examples that step ``index`` uses: all of them."""
        return support


__all__ = ["Slope", "StepRule"]
