"""One class for every example."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from quickstudy.errors import require
from quickstudy.targets.target import Target, mean_over_examples


@dataclass(frozen=True)
class Classes(Target):
    """Ask for one of several classes for every example.

    Labels are class indices ``[task, example]`` from 0 to ``way − 1``. The loss of an example is
    the cross-entropy ``−log softmax(scores)[y]`` of ``scores`` ``[..., class]``. Learners that
    compare examples give the score ``−∞`` to a class that the support set does not show: its
    queries count as wrong.

    Args:
        way: The number of classes, known before any data is drawn. A task may show fewer of them.

    Raises:
        UserError: If ``way`` is below 1.

    Example:
        >>> import torch
        >>> scores = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
        >>> Classes(2).values(scores, torch.tensor([[0, 0]]))["accuracy"]
        tensor([0.5000])
    """

    way: int = 5

    metric: ClassVar[str] = "accuracy"

    def __post_init__(self) -> None:
        require(self.way >= 1, f"Parameter `way` should be at least 1. Found way={self.way}.")

    @property
    def scores(self) -> int:
        """One score a class."""
        return self.way

    def check(self, y: Tensor) -> None:
        """Raise unless ``y`` holds integers ``[task, example]``."""
        require(
            not y.dtype.is_floating_point and y.ndim == 2,
            "Labels of classes should be class indices (an integer dtype) [task, example]. "
            f"Found {y.dtype} {list(y.shape)}.",
        )

    def example_losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Give the cross-entropy of every example ``[...]``."""
        outputs = scores.shape[-1]
        require(
            self.way <= outputs,
            f"Class indices should be from 0 to {outputs - 1}, the outputs of the network. "
            f"Found up to {self.way - 1}.",
        )
        flat, labels = scores.flatten(0, -2), y.flatten().long()
        return F.cross_entropy(flat, labels, reduction="none").reshape(y.shape)

    def values(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Give ``accuracy`` and ``log_loss`` ``[task]``.

        Probabilities are clipped to the precision of their dtype, as scikit-learn's are, so that a
        class which a task does not show costs much, not infinitely much.
        """
        return {
            "accuracy": mean_over_examples(_hits(scores, y), mask),
            "log_loss": mean_over_examples(_clipped_log_losses(scores, y), mask),
        }

    def answers(self, scores: Tensor) -> Tensor:
        """Give the probability of every class ``[..., class]``."""
        return scores.softmax(-1)

    def guess(self, y: Tensor, mask: Tensor) -> Tensor:
        """Give the logarithms of the classes' frequencies ``[task, class]``, one example added."""
        own = F.one_hot(y.long(), self.way).to(mask.dtype) * mask.unsqueeze(-1)
        return ((own.sum(1) + 1) / (mask.sum(1, keepdim=True) + self.way)).log()


def _hits(scores: Tensor, y: Tensor) -> Tensor:
    """Give 1 for every example whose class has the highest score, else 0; NaN if one is NaN."""
    broken = scores.isnan().any(-1)
    return (scores.argmax(-1) == y).to(scores.dtype).masked_fill(broken, torch.nan)


def _clipped_log_losses(scores: Tensor, y: Tensor) -> Tensor:
    """Give the log-loss of every example, with probabilities clipped to the dtype's precision."""
    clipped = scores.softmax(-1).clamp(min=torch.finfo(scores.dtype).eps)
    own = clipped.gather(-1, y.long().unsqueeze(-1)).squeeze(-1)
    return clipped.sum(-1).log() - own.log()


__all__ = ["Classes"]
