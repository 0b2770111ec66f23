"""What an outer step knows beside its losses."""

from dataclasses import dataclass

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.learners import Learner


@dataclass(frozen=True)
class OuterStep:
    """One outer step, for balancers that look at more than the losses.

    Attributes:
        learner: What made the losses.
        episodes: The tasks that they are of.
        lr: The outer learning rate.
    """

    learner: Learner
    episodes: Episode
    lr: float = 1e-3

    @property
    def parameters(self) -> list[Tensor]:
        """What the step changes."""
        return [parameter for parameter in self.learner.parameters() if parameter.requires_grad]

    @property
    def present(self) -> Tensor:
        """Which tasks have a query at all ``[task]``: the loss of the others is 0 and says nothing."""
        return (self.episodes.query.mask > 0).any(1)

    @property
    def count(self) -> Tensor:
        """How many tasks that is, at least 1."""
        return self.present.sum().clamp(min=1)


__all__ = ["OuterStep"]
