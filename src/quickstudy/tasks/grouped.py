"""Groups of tasks that are adapted to together."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import Moment
from quickstudy.targets import Several
from quickstudy.tasks.source import TaskSource


@dataclass(frozen=True, eq=False)
class Grouped(TaskSource):
    """Every task is a group of ``size`` tasks of a source, adapted to jointly: one network with a
    target for each member.

    An example of the ``i``-th member has a label for target ``i`` alone, and NaN for the others.
    With :class:`~quickstudy.models.MultiTarget` any gradient learner then adapts what the members
    share on the examples of all of them, and each member's head on its own.

    Args:
        source: Where the members come from: tasks with one target, or of classes. Members are taken
            in the order in which they are drawn, so a source that draws related tasks after one
            another makes related groups.
        size: Members of a group.

    Raises:
        UserError: If ``size`` is below 1, or a task of the source has several targets.

    Example:
        >>> import quickstudy as qs
        >>> pairs = qs.tasks.Grouped(qs.tasks.Sinusoid().episodes(shot=5, query=3), size=2)
        >>> pairs.target.targets, pairs.sample(4, qs.Moment(0, "train")).support.y.shape
        ((0, 0), torch.Size([4, 10, 2]))
    """

    source: TaskSource
    size: int
    target: Several = field(init=False)

    def __post_init__(self) -> None:
        require(self.size >= 1, f"Parameter `size` should be at least 1. Found size={self.size}.")
        inner = self.source.target
        require(
            bool(inner.way) or inner.scores == 1,
            f"Parameter `source` should give tasks of one target. Found {inner}.",
        )
        object.__setattr__(self, "target", Several((inner.way or 0,) * self.size))

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` groups; a group has the identity of its first member."""
        episodes = self.source.sample(num_tasks * self.size, moment)
        return Episode(
            self._joined(episodes.support),
            self._joined(episodes.query),
            episodes.task[:: self.size],
            moment,
        )

    def _joined(self, members: Batch) -> Batch:
        """``[group, member · example, ...]`` of ``[group · member, example, ...]``."""

        def together(values: Tensor) -> Tensor:
            return values.unflatten(0, (-1, self.size)).flatten(1, 2)

        y = members.y.to(members.mask.dtype).reshape(-1, self.size, members.x.shape[1], 1)
        own = torch.eye(self.size, dtype=torch.bool, device=y.device).reshape(
            1, self.size, 1, self.size
        )
        return Batch(
            together(members.x),
            torch.where(own, y, torch.nan).flatten(1, 2),
            together(members.mask),
            self.target,
        )

    def describe(self) -> dict[str, object]:
        """The source's, and the size of a group."""
        return {**self.source.describe(), "group": self.size}


__all__ = ["Grouped"]
