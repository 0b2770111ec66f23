"""An outer step, as balancers see it."""

from dataclasses import dataclass

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.learners import Learner


def trained(learner: Learner) -> list[Tensor]:
    """Give the parameters of ``learner`` that are trained."""
    return [parameter for parameter in learner.parameters() if parameter.requires_grad]


def have_queries(episodes: Episode) -> Tensor:
    """Say which tasks have a query ``[task]``."""
    return (episodes.query.mask > 0).any(1)


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
        return trained(self.learner)

    @property
    def present(self) -> Tensor:
        """Say which tasks have a query ``[task]``; the loss of the others is 0 and says nothing."""
        return have_queries(self.episodes)

    @property
    def order(self) -> Tensor:
        """Return the places of the tasks in the order of their identities ``[task]``."""
        return self.episodes.task.argsort(stable=True)

    @property
    def count(self) -> Tensor:
        """Return the number of tasks that have a query, at least 1."""
        return self.present.sum().clamp(min=1)


__all__ = ["OuterStep", "have_queries", "trained"]
