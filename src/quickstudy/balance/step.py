"""An outer step, as balancers see it."""

from dataclasses import dataclass

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.learners import Learner


@dataclass(frozen=True)
class OuterStep:
    """Hold one outer step, for balancers that look at more than the losses.

    Attributes:
        learner: The learner that made the losses.
        episodes: The tasks of the losses.
        lr: The outer learning rate.
    """

    learner: Learner
    episodes: Episode
    lr: float = 1e-3

    @property
    def parameters(self) -> list[Tensor]:
        """Return the parameters that the step changes."""
        return [parameter for parameter in self.learner.parameters() if parameter.requires_grad]

    @property
    def present(self) -> Tensor:
        """Say which tasks have a query ``[task]``; the loss of the others is 0 and says nothing."""
        return (self.episodes.query.mask > 0).any(1)

    @property
    def count(self) -> Tensor:
        """Return the number of these tasks, at least 1."""
        return self.present.sum().clamp(min=1)


__all__ = ["OuterStep"]
