"""The abstract parent of outer gradients: the loss that training descends."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.episode import Episode

if TYPE_CHECKING:
    from quickstudy.learners.gradient import GradientLearner


class Outer(nn.Module, ABC):
    """Give one loss per task, whose gradient is the update direction of training."""

    moves_averages: bool = False
    """Whether training moves the running averages of batch norms."""

    keeps_states: bool = False
    """Whether the states of all steps are kept, so that tasks are computed few at a time."""

    def check(self, learner: "GradientLearner") -> None:
        """Raise if the inner loop of ``learner`` has no such outer gradient.

        Raises:
            UserError: If it has none, with the reason.
        """

    @abstractmethod
    def losses(self, learner: "GradientLearner", meta: State, episodes: Episode) -> Tensor:
        """Return the loss of every task ``[task]``, as a function of the meta-learned tensors."""

    def uncompiled(self) -> str | None:
        """Say why a step with this gradient is not compiled; None if it is."""
        return None


__all__ = ["Outer"]
