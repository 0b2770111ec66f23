"""Regression tasks from a function that draws them."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import Moment
from quickstudy.targets import Target, infer
from quickstudy.tasks.data import Data, check_split
from quickstudy.tasks.source import TaskSource

Draw = Callable[[int, int, torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Family(TaskSource):
    """Draws the regression tasks of a family that you define.

    Args:
        draw: ``draw(num_tasks, num_examples, generator)`` gives ``x`` ``[task, example, *feature]``
            and ``y`` ``[task, example, target]``, floating point, drawn with the generator only.
            The first ``shot`` examples become the support set.
        shot: Support examples of a task.
        query: Query examples of a task.
        label: A name for reports.
        asked: The target of the tasks; by default as many numbers as ``draw`` gives.

    Raises:
        UserError: If ``draw`` gives other shapes.

    Example:
        >>> import torch, quickstudy as qs
        >>> def lines(num_tasks, num_examples, generator):
        ...     slope = torch.randn(num_tasks, 1, 1, generator=generator)
        ...     x = torch.rand(num_tasks, num_examples, 1, generator=generator)
        ...     return x, slope * x
        >>> qs.tasks.Family(lines, shot=3, query=2).sample(4, qs.Moment(0, "train")).support.x.shape
        torch.Size([4, 3, 1])
    """

    draw: Draw
    shot: int
    query: int
    label: str = "family"
    asked: Target | None = None
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        for name, count in (("shot", self.shot), ("query", self.query)):
            require(count >= 1, f"Parameter `{name}` should be at least 1. Found {name}={count}.")
        x, y = self.draw(1, 1, torch.Generator())
        target = _numbers(x, y) if self.asked is None else self.asked
        target.check(y)
        object.__setattr__(self, "target", target)

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` tasks."""
        x, y = self.draw(num_tasks, self.shot + self.query, moment.generator())
        require(
            x.shape[:2] == y.shape[:2] == (num_tasks, self.shot + self.query),
            f"`draw` should give {num_tasks} tasks of {self.shot + self.query} examples. "
            f"Found x {tuple(x.shape)} and y {tuple(y.shape)}.",
        )
        whole = Batch(x, y, torch.ones(x.shape[:2], dtype=x.dtype), self.target)
        support = whole.each(lambda values: values[:, : self.shot])
        query = whole.each(lambda values: values[:, self.shot :])
        return Episode(support, query, torch.arange(num_tasks), moment)

    def describe(self) -> dict[str, object]:
        """Give family, shot and query."""
        return {"source": self.label, "shot": self.shot, "query": self.query}


def _numbers(x: Tensor, y: Tensor) -> Target:
    """Infer the target of numbers; raise if ``y`` holds no numbers."""
    require(
        y.ndim == 3 and y.dtype.is_floating_point,
        "`draw` should give floating-point targets [task, example, target], or `asked` should "
        f"say what they ask for. Found {y.dtype} {tuple(y.shape)}.",
    )
    return infer(x, y)


class FamilyData(Data):
    """A family of functions as data: its tasks are drawn anew, so every split is the whole family.

    A subclass makes the tasks in ``episodes(shot, query)``.
    """

    evaluation_query: ClassVar[int] = 100
    validation_query: ClassVar[int] = 100

    @abstractmethod
    def episodes(self, shot: int = 10, query: int = 10) -> TaskSource:
        """Make tasks with ``shot`` support and ``query`` query points."""

    def split(self, name: str) -> "FamilyData":
        """Give the family itself.

        Raises:
            UserError: If ``name`` is no split.
        """
        check_split(name, self.split_names)
        return self
