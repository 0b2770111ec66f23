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
    """Groups several tasks of a source into one task with a target for each member.

    One network adapts to the whole group. An example of the ``i``-th member has a label only for
    target ``i``, and NaN for the others. With :class:`~quickstudy.models.MultiTarget` any gradient
    learner then adapts the shared layers on the examples of all members, and each member's head on
    the examples of that member.

    Args:
        source: The source of the members: tasks with one target, or of classes. Members are taken
            in the order in which they are drawn, so a source that draws related tasks one after
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
        object.__setattr__(self, "target", Several((self._member(),) * self.size))

    def _member(self) -> int:
        """Give the classes of a member, 0 for a number."""
        inner = self.source.target
        require(
            bool(inner.way) or inner.scores == 1,
            f"Parameter `source` should give tasks of one target. Found {inner}.",
        )
        return inner.way or 0

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
        """Make one task of the members of every group, whose examples follow one another."""
        x, y = self._together(members.x), self._labels(members)
        return Batch(x, y, self._together(members.mask), self.target)

    def _together(self, values: Tensor) -> Tensor:
        return values.unflatten(0, (-1, self.size)).flatten(1, 2)

    def _labels(self, members: Batch) -> Tensor:
        """Give the labels of groups: NaN in the columns of other members.

        Their shape is ``[group, member · example, member]``.
        """
        y = members.y.to(members.mask.dtype).reshape(-1, self.size, members.x.shape[1], 1)
        own = torch.eye(self.size, dtype=torch.bool, device=y.device)
        own = own.reshape(1, self.size, 1, self.size)
        return torch.where(own, y, torch.nan).flatten(1, 2)

    def describe(self) -> dict[str, object]:
        """Give the source's description, and the size of a group."""
        return {**self.source.describe(), "group": self.size}


__all__ = ["Grouped"]
