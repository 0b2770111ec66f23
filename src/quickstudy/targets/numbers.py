"""One or several numbers for every example."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from torch import Tensor

from quickstudy.errors import require
from quickstudy.targets.target import Target, mean_over_examples


@dataclass(frozen=True)
class Numbers(Target):
    """Ask for numbers of one shape for every example.

    Labels are ``[task, example, *shape]``. The loss of an example is the squared error
    ``(scores − y)²``, averaged over its numbers.

    Args:
        shape: The shape of an example's numbers; ``()`` for a single one without an axis.

    Example:
        >>> import torch
        >>> Numbers().losses(torch.zeros(1, 2, 1), torch.tensor([[[1.0], [3.0]]]))
        tensor([5.])
    """

    shape: tuple[int, ...] = (1,)

    metric: ClassVar[str] = "mean_squared_error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        require(
            all(size >= 1 for size in self.shape),
            f"Parameter `shape` should hold sizes from 1 on. Found shape={self.shape}.",
        )

    @property
    def scores(self) -> int:
        """One score a number."""
        return prod(self.shape)

    def check(self, y: Tensor) -> None:
        """Raise unless ``y`` holds floating-point numbers ``[task, example, *shape]``."""
        require(
            y.dtype.is_floating_point and tuple(y.shape[2:]) == self.shape,
            f"Labels should be floating-point numbers [task, example, *{list(self.shape)}]. "
            f"Found {y.dtype} {list(y.shape)}.",
        )

    def example_losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Give the mean squared error of every example ``[...]``."""
        self._check_scores(scores, y)
        squares = (scores - y).square()
        lead = y.ndim - len(self.shape)
        return squares.flatten(lead).mean(lead) if self.shape else squares

    def losses(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the mean squared error of every task's real examples ``[task]``."""
        if mask is not None:
            return super().losses(scores, y, mask)
        self._check_scores(scores, y)
        return (scores - y).square().flatten(1).mean(1)

    def values(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Give ``mean_squared_error`` ``[task]``."""
        return {self.metric: mean_over_examples(self.example_losses(scores, y), mask)}

    def answers(self, scores: Tensor) -> Tensor:
        """Give the numbers themselves."""
        return scores

    def guess(self, y: Tensor, mask: Tensor) -> Tensor:
        """Give the mean of the labels ``[task, *shape]``; 0 for a task without any."""
        weight = mask.reshape(*mask.shape, *[1] * (y.ndim - 2)).to(y.dtype)
        return (y * weight).sum(1) / weight.sum(1).clamp(min=1)

    def _check_scores(self, scores: Tensor, y: Tensor) -> None:
        require(
            scores.shape == y.shape,
            "Predictions should have the shape of the targets. "
            f"Found {tuple(scores.shape)} and {tuple(y.shape)}: "
            "check the outputs of the model, and give targets as [example, target].",
        )


__all__ = ["Numbers"]
