"""Groups of related tasks: a source that draws tasks beside those they have something in common with."""

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
    """Draws the tasks of a source in groups of ``group_size`` related ones.

    The first task ``s`` of a group is drawn uniformly, each other ``t`` with probability ``∝
    exp(similarity[s, t] / temperature)``. No task is drawn twice as long as there are others, so
    where all similarities are the same, every selection of tasks (of at most as many as there are)
    is as likely as from the source itself. In an episode the tasks of a group stand beside one
    another; the last group is cut off where it does not fit.

    Args:
        source: The tasks, e.g. ``table.split_rows()[0].episodes(shot=5)``.
        similarity: How related they are ``[task, task]``, in the order of the source:
            ``similarity`` of :func:`quickstudy.relatedness.relate`, which is shrunk by its own
            noise.
        group_size: Tasks of a group; 1 draws as the source does.
        temperature: How soft the choice is: the larger, the more uniform.
        groups: The group of every task ``[task]``, which makes the choice hard: companions come
            from the first task's group, with the same probabilities, as long as it has others.

    Raises:
        UserError: If a size or number is out of range, or ``similarity`` or ``groups`` do not fit
            the source.

    Source: Fifty et al. 2021, section 3 (train related tasks together), there in hard groups.

    Example:
        >>> import pandas as pd, torch, quickstudy as qs
        >>> rows = pd.DataFrame({"shop": [1, 1, 2, 2, 3, 3, 4, 4], "price": range(8), "sold": range(8)})
        >>> shops = qs.tasks.Table(rows, task="shop", target="sold").whole().episodes(shot=1, query=1)
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
        count = self.source.num_tasks
        require(
            self.group_size >= 1,
            f"Parameter `group_size` should be at least 1. Found group_size={self.group_size}.",
        )
        require(
            self.temperature > 0,
            f"Parameter `temperature` should be positive. Found temperature={self.temperature}.",
        )
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
        fits = self.groups is None or tuple(self.groups.shape) == (count,)
        require(fits, f"Parameter `groups` should hold the group of each of the {count} tasks.")
        object.__setattr__(self, "target", self.source.target)
        object.__setattr__(self, "num_tasks", count)

    def draw(self, places: Sequence[int], generator: torch.Generator) -> Episode:
        """The source's tasks at ``places``."""
        return self.source.draw(places, generator)

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw groups of related tasks, ``num_tasks`` in all."""
        if self.group_size == 1:
            return self.source.sample(num_tasks, moment)
        generator = moment.generator()
        chosen, left = list[int](), torch.ones(self.num_tasks, dtype=torch.bool)
        for place in range(num_tasks):
            if not left.any():
                left.fill_(True)
            first = (
                None if place % self.group_size == 0 else chosen[place - place % self.group_size]
            )
            chosen.append(
                int(torch.multinomial(self._weights(first, left), 1, generator=generator))
            )
            left[chosen[-1]] = False
        return self.source.draw(chosen, generator).at(moment)

    def describe(self) -> dict[str, object]:
        """The source's description, and how it is drawn from."""
        own = {
            "group_size": self.group_size,
            "temperature": self.temperature,
            "hard": self.groups is not None,
        }
        return {**self.source.describe(), "related": own}

    def _weights(self, first: int | None, left: Tensor) -> Tensor:
        """By what every task is likely to be next: those ``left``, beside the ``first`` of its group."""
        if first is None:
            return left.double()
        if self.groups is not None and bool(
            (alike := left & (self.groups == self.groups[first])).any()
        ):
            left = alike
        # the first is left again where all have been drawn
        others = left & (torch.arange(self.num_tasks) != first)
        likely = self.similarity[first].double() / self.temperature
        return likely.masked_fill(~(others if others.any() else left), -torch.inf).softmax(0)


__all__ = ["Related"]
