"""A class for every pixel of an example."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from quickstudy.errors import require
from quickstudy.targets.target import Target


@dataclass(frozen=True)
class Pixels(Target):
    """Ask for one of several classes for every pixel.

    Labels are class indices ``[task, example, height, width]``. The scores of a network are
    ``[example, class, height, width]``, at the size of the labels. The loss of an example is the
    mean cross-entropy ``−log softmax(scores)[y]`` of its pixels. Pixels with the label ``ignored``
    count in no loss and no value.

    Args:
        classes: The number of classes, the background among them.
        ignored: The label of pixels that nobody has marked.

    Raises:
        UserError: If there are fewer than 2 classes, or ``ignored`` is one of them.

    Example:
        >>> import torch
        >>> y = torch.tensor([[[[0, 1], [1, 1]]]])
        >>> scores = torch.tensor([[[[[1.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]]]])
        >>> {name: value.item() for name, value in Pixels(2).values(scores, y).items()}
        {'mean_iou': 0.5833333730697632, 'pixel_accuracy': 0.75}
    """

    classes: int = 2
    ignored: int = 255

    metric: ClassVar[str] = "mean_iou"

    def __post_init__(self) -> None:
        require(
            self.classes >= 2,
            f"Parameter `classes` should be at least 2. Found classes={self.classes}.",
        )
        require(
            not 0 <= self.ignored < self.classes,
            f"Parameter `ignored` should not be one of the {self.classes} classes. "
            f"Found ignored={self.ignored}.",
        )

    @property
    def scores(self) -> int:
        """One score a class."""
        return self.classes

    @property
    def dense(self) -> bool:
        """Every pixel has an answer."""
        return True

    def check(self, y: Tensor) -> None:
        """Raise unless ``y`` holds integers ``[task, example, height, width]``."""
        require(
            not y.dtype.is_floating_point and y.ndim == 4,
            "Labels of pixels should be class indices (an integer dtype) "
            f"[task, example, height, width]. Found {y.dtype} {list(y.shape)}.",
        )

    def example_losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Give the mean cross-entropy of every example's marked pixels ``[...]``."""
        self._check_scores(scores, y)
        marked = (y != self.ignored).flatten(-2)
        losses = self._pixel_losses(scores.flatten(0, -4), y.flatten(0, -3).long())
        return losses.reshape(marked.shape).sum(-1) / marked.sum(-1).clamp(min=1)

    def values(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Give ``mean_iou`` and ``pixel_accuracy`` ``[task]``.

        The intersection over union of a class is taken over all pixels of a task's examples,
        ``Σ |ŷ = c ∧ y = c| / Σ |ŷ = c ∨ y = c|``. The mean is over the classes that the labels or
        the predictions of the task hold.
        """
        self._check_scores(scores, y)
        real = self._real(y, mask)
        predicted, true = self._shown(scores.argmax(-3), real), self._shown(y, real)
        hits = (predicted & true).sum(1)
        mean_iou = _mean_iou(hits, (predicted | true).sum(1), scores.dtype)
        accuracy = (hits.sum(1) / real.flatten(1).sum(1).clamp(min=1)).to(scores.dtype)
        broken = scores.isnan().flatten(1).any(1)
        return {
            "mean_iou": mean_iou.masked_fill(broken, torch.nan),
            "pixel_accuracy": accuracy.masked_fill(broken, torch.nan),
        }

    def answers(self, scores: Tensor) -> Tensor:
        """Give the class of every pixel ``[..., height, width]``."""
        return scores.argmax(-3)

    def guess(self, y: Tensor, mask: Tensor) -> Tensor:
        """Give the logarithms of the classes' frequencies at every pixel's place.

        The shape is ``[task, class, height, width]``; one example of each class is added.
        """
        real = (mask > 0).reshape(*mask.shape, 1, 1)
        counts = self._shown(y, real.expand_as(y)).sum(1).to(mask.dtype) + 1
        logs = (counts / counts.sum(1, keepdim=True)).log()
        return logs.reshape(*logs.shape, 1, 1).expand(-1, -1, *y.shape[-2:])

    def _pixel_losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Give the cross-entropy of every pixel of ``labels``; 0 if it is not marked."""
        labels = torch.where(labels == self.ignored, -100, labels)
        return F.cross_entropy(scores, labels, reduction="none", ignore_index=-100)

    def _real(self, y: Tensor, mask: Tensor | None) -> Tensor:
        """Say which pixels are marked, and of a real example ``[task, example, height, width]``."""
        marked = y != self.ignored
        return marked if mask is None else marked & (mask > 0).reshape(*mask.shape, 1, 1)

    def _shown(self, labels: Tensor, real: Tensor) -> Tensor:
        """Say which of a task's pixels are real and of a class ``[task, pixel, class]``."""
        indices = torch.arange(self.classes, device=labels.device)
        return (labels.flatten(1).unsqueeze(-1) == indices) & real.flatten(1).unsqueeze(-1)

    def _check_scores(self, scores: Tensor, y: Tensor) -> None:
        expected = (*y.shape[:-2], self.classes, *y.shape[-2:])
        require(
            tuple(scores.shape) == expected,
            f"Scores of pixels should be [example, class, height, width], here {list(expected)}. "
            f"Found {list(scores.shape)}: the network should give {self.classes} channels at the "
            "size of the labels.",
        )


def _mean_iou(hits: Tensor, either: Tensor, dtype: torch.dtype) -> Tensor:
    """Average the intersection over union of the classes that are there ``[task]``.

    Args:
        hits: The pixels of the intersection ``[task, class]``.
        either: The pixels of the union ``[task, class]``.
        dtype: The dtype of the result.
    """
    iou = (hits / either.clamp(min=1)).to(dtype)
    return iou.sum(1) / (either > 0).sum(1).clamp(min=1)


__all__ = ["Pixels"]
