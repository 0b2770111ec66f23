"""The abstract parent of outer gradients: what training descends."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.episode import Episode

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner


class Outer(nn.Module, ABC):
    """What training descends: one loss a task, whose gradient is the update direction."""

    moves_averages: bool = False
    """Whether training moves the running averages of batch norms."""

    keeps_states: bool = False
    """Whether the states of all steps are kept, so that tasks are computed few at a time."""

    def check(self, learner: "GradientLearner") -> None:
        """Raise if the learner's inner loop has no such outer gradient, with the reason."""

    @abstractmethod
    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """The loss of every task ``[task]``, as a function of what is meta-learned."""

    def uncompiled(self) -> str | None:
        """Why a step with this gradient is not compiled, or None."""
        return None


__all__ = ["Outer"]
