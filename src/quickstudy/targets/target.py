"""The abstract parent of targets."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor

from quickstudy.targets.metric import metric_of


class Target(ABC):
    """Say how an answer to a task is scored, judged and told.

    A batch carries its target, so no learner, trainer or report looks at the labels to find out.
    Shapes have a batch of tasks in front: ``scores`` ``[task, example, *score]`` come from a
    network, ``y`` ``[task, example, *label]`` are the labels, and ``mask`` ``[task, example]`` is 1
    for a real example (None if all are real).
    """

    metric: ClassVar[str]
    """The name of the value that decides, the first of :meth:`values`."""

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value of the metric is a better one."""
        return metric_of(self.metric).higher_is_better

    @property
    @abstractmethod
    def scores(self) -> int:
        """The number of outputs that a network needs for it."""

    @property
    def way(self) -> int | None:
        """The number of classes of an example; None if an example does not have one class."""
        return None

    @property
    def dense(self) -> bool:
        """Whether every place of an example has an answer, as in segmentation."""
        return False

    @abstractmethod
    def check(self, y: Tensor) -> None:
        """Raise if ``y`` ``[task, example, ...]`` has another dtype or shape than the labels have.

        Raises:
            UserError: If dtype or shape do not fit.
        """

    @abstractmethod
    def example_losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Give the loss of every example ``[...]`` from ``scores`` ``[..., *score]``.

        Raises:
            UserError: If scores and labels do not fit each other.
        """

    def losses(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the mean loss of every task's real examples ``[task]``, 0 for a task without any."""
        return mean_over_examples(self.example_losses(scores, y), mask)

    @abstractmethod
    def values(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Give the reported values of every task ``[task]``, by name; the first decides.

        A task whose scores hold NaN has the value NaN.
        """

    @abstractmethod
    def answers(self, scores: Tensor) -> Tensor:
        """Turn scores into answers for a person: probabilities, numbers, a mask."""

    @abstractmethod
    def guess(self, y: Tensor, mask: Tensor) -> Tensor:
        """Give the scores ``[task, *score]`` of the plain guess that does not look at inputs.

        It is made of the support labels ``y``, and every result stands next to it.
        """


def mean_over_examples(values: Tensor, mask: Tensor | None) -> Tensor:
    """Average ``values`` ``[..., example]`` over the examples whose ``mask`` is 1; 0 if none is."""
    if mask is None:
        return values.mean(-1)
    weight = mask.to(values.dtype)
    return (values * weight).sum(-1) / weight.sum(-1).clamp(min=1)


__all__ = ["Target", "mean_over_examples"]
