"""The abstract parent of step rules: how the tensors of a task change by a step."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.parts.part import Part


class Slope(NamedTuple):
    """Hold the support loss and its gradient, which a step descends.

    Attributes:
        losses: The support loss of every task ``[task]``.
        gradients: Its gradient by the tensors of the task, ``[task, ...]`` each.
    """

    losses: Tensor
    gradients: Weights


class StepRule(nn.Module, ABC):
    """Say how the tensors of a task change by a step.

    A rule is made before it knows the part; :meth:`attach` shows it. Its parameters are
    meta-learned beside the network's, and come to its methods as ``learned``.

    Args:
        inner_lr: Inner learning rate, for a loss that is a *mean* over examples.

    Raises:
        UserError: If the rate is not positive.
    """

    learns: bool = False
    """Whether the rule has parameters that are meta-learned."""

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
        """Look at the tensors that adapt, and make the parameters of the rule."""

    @abstractmethod
    def slots(self, weights: Weights, learned: State) -> State:
        """Return the memory of the rule for ``weights`` ``[task, ...]``, before the first step."""

    @abstractmethod
    def step(
        self, state: State, names: tuple[str, ...], slope: Slope, learned: State, index: int
    ) -> State:
        """Return the state after step ``index``.

        Args:
            state: The weights and the slots, by name.
            names: The names of the weights.
            slope: The support loss and its gradient.
            learned: The meta-learned tensors of the rule.
            index: The number of steps taken before.
        """

    def scheduled(self, weights: State, learned: State, index: int) -> Weights:
        """Return the shared ``weights`` that change with the step instead of adapting."""
        return {}

    def rows(self, support: Batch, index: int) -> Batch:
        """Return the support examples that step ``index`` uses: all of them."""
        return support


__all__ = ["Slope", "StepRule"]
