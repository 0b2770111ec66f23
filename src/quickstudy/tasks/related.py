"""Groups of related tasks: a source that draws tasks beside their relatives."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.random import Moment
from quickstudy.targets import Target
from quickstudy.tasks.source import FixedTasks


@dataclass(frozen=True, eq=False)
class Related(FixedTasks):
    """Draws the tasks of a source in groups of related tasks.

    A group has ``group_size`` tasks. The first task ``s`` of a group is drawn uniformly, each other
    ``t`` with probability ``∝ exp(similarity[s, t] / temperature)``. No task is drawn twice while
    others are left. If all similarities are the same, every selection of tasks (of at most as
    many as there are) is therefore as likely as from the source itself. In an episode the tasks of
    a group are adjacent; the last group is cut off if it does not fit.

    Args:
        source: The tasks, e.g. ``table.split_rows()[0].episodes(shot=5)``.
        similarity: How related they are ``[task, task]``, in the order of the source:
            ``similarity`` of :func:`quickstudy.relatedness.relate`, which is shrunk by its noise.
        group_size: Tasks of a group; 1 draws as the source does.
        temperature: The softness of the choice: the larger, the more uniform.
        groups: The group of every task ``[task]``, which makes the choice hard: companions come
            from the first task's group, with the same probabilities, as long as it has others.

    Raises:
        UserError: If a size or number is out of range, or ``similarity`` or ``groups`` do not fit
            the source.

    Source: Fifty et al. 2021, section 3 (train related tasks together), there in hard groups.

    Example:
        >>> import pandas as pd, torch, quickstudy as qs
        >>> shop = [1, 1, 2, 2, 3, 3, 4, 4]
        >>> rows = pd.DataFrame({"shop": shop, "price": range(8), "sold": range(8)})
        >>> table = qs.tasks.Table(rows, task="shop", target="sold")
        >>> shops = table.whole().episodes(shot=1, query=1)
        >>> # the first two, and the last two
        >>> alike = torch.eye(2).repeat_interleave(2, 0).repeat_interleave(2, 1)
        >>> related = qs.tasks.Related(shops, alike, group_size=2, temperature=0.01)
        >>> related.sample(4, qs.Moment(0, "train")).task.tolist()
        [2, 3, 1, 0]
    """

    source: FixedTasks
    similarity: Tensor
    group_size: int = 4
    temperature: float = 0.25
    groups: Tensor | None = None
    target: Target = field(init=False)
    num_tasks: int = field(init=False)

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_similarity(self.source.num_tasks)
        self._check_groups(self.source.num_tasks)
        object.__setattr__(self, "target", self.source.target)
        object.__setattr__(self, "num_tasks", self.source.num_tasks)

    def _check_numbers(self) -> None:
        require(
            self.group_size >= 1,
            f"Parameter `group_size` should be at least 1. Found group_size={self.group_size}.",
        )
        require(
            self.temperature > 0,
            f"Parameter `temperature` should be positive. Found temperature={self.temperature}.",
        )

    def _check_similarity(self, count: int) -> None:
        """Raise unless ``similarity`` is of ``count`` tasks and finite."""
        shape = tuple(self.similarity.shape)
        require(
            shape == (count, count),
            f"Parameter `similarity` should be [task, task] of the {count} tasks. Found shape "
            f"{shape}.",
        )
        require(
            bool(self.similarity.isfinite().all()),
            "Parameter `similarity` should be finite. Found NaN or infinity.",
        )

    def _check_groups(self, count: int) -> None:
        fits = self.groups is None or tuple(self.groups.shape) == (count,)
        require(fits, f"Parameter `groups` should hold the group of each of the {count} tasks.")

    def draw(self, places: Sequence[int], generator: torch.Generator) -> Episode:
        """Give the source's tasks at ``places``."""
        return self.source.draw(places, generator)

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw groups of related tasks, ``num_tasks`` in all."""
        if self.group_size == 1:
            return self.source.sample(num_tasks, moment)
        generator = moment.generator()
        chosen = self._chosen(num_tasks, generator)
        return self.source.draw(chosen, generator).at(moment)

    def _chosen(self, num_tasks: int, generator: torch.Generator) -> list[int]:
        """Choose the places of ``num_tasks`` tasks, group by group."""
        chosen, left = list[int](), torch.ones(self.num_tasks, dtype=torch.bool)
        for place in range(num_tasks):
            if not left.any():
                left.fill_(True)
            member = place % self.group_size
            weights = self._weights(chosen[place - member] if member else None, left)
            chosen.append(int(torch.multinomial(weights, 1, generator=generator)))
            left[chosen[-1]] = False
        return chosen

    def describe(self) -> dict[str, object]:
        """Give the source's description, and the settings of the groups."""
        return self.source.describe() | {"related": self._related()}

    def _related(self) -> dict[str, object]:
        return {
            "group_size": self.group_size,
            "temperature": self.temperature,
            "hard": self.groups is not None,
        }

    def _weights(self, first: int | None, left: Tensor) -> Tensor:
        """Weigh the tasks that are ``left`` by their probability beside the ``first``."""
        if first is None:
            return left.double()
        likely = self.similarity[first].double() / self.temperature
        return likely.masked_fill(~self._companions(first, left), -torch.inf).softmax(0)

    def _companions(self, first: int, left: Tensor) -> Tensor:
        """Say which of the tasks that are ``left`` may join the ``first`` ``[task]``."""
        if self.groups is not None:
            left = _some(left & (self.groups == self.groups[first]), left)
        # the first is left again when all have been drawn
        return _some(left & (torch.arange(self.num_tasks) != first), left)


def _some(wanted: Tensor, otherwise: Tensor) -> Tensor:
    """Give ``wanted``, or ``otherwise`` if ``wanted`` is empty."""
    return wanted if wanted.any() else otherwise


__all__ = ["Related"]
