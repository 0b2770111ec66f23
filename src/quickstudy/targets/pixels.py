"""A class for every pixel of an example."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from quickstudy.errors import require
from quickstudy.targets.target import Target, mean_over_examples


@dataclass(frozen=True)
class Pixels(Target):
    """One of ``classes`` classes for every pixel; labels are ``[task, example, height, width]``.

    The scores of a network are ``[example, class, height, width]``, at the size of the labels. The
    loss of an example is the mean cross-entropy ``−log softmax(scores)[y]`` of its pixels. Pixels
    with the label ``ignored`` count in no loss and no value.

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
    higher_is_better: ClassVar[bool] = True

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
        flat, labels = scores.flatten(0, -4), y.flatten(0, -3).long()
        labels = torch.where(labels == self.ignored, -100, labels)
        losses = F.cross_entropy(flat, labels, reduction="none", ignore_index=-100)
        return losses.reshape(marked.shape).sum(-1) / marked.sum(-1).clamp(min=1)

    def values(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Give ``mean_iou`` and ``pixel_accuracy`` ``[task]``.

        The intersection over union of a class is that of all pixels of a task's examples together,
        ``Σ |ŷ = c ∧ y = c| / Σ |ŷ = c ∨ y = c|``, and the mean is over the classes that the labels
        or the predictions of the task hold.
        """
        self._check_scores(scores, y)
        real = y != self.ignored
        if mask is not None:
            real = real & (mask > 0).reshape(*mask.shape, 1, 1)
        predicted = scores.argmax(-3)
        indices = torch.arange(self.classes, device=y.device)
        there = real.flatten(1).unsqueeze(-1)
        told = (predicted.flatten(1).unsqueeze(-1) == indices) & there
        true = (y.flatten(1).unsqueeze(-1) == indices) & there
        both, either = (told & true).sum(1), (told | true).sum(1)
        iou = (both / either.clamp(min=1)).to(scores.dtype)
        held = (either > 0).sum(1)
        correct = both.sum(1) / real.flatten(1).sum(1).clamp(min=1)
        broken = scores.isnan().flatten(1).any(1)
        mean_iou = (iou.sum(1) / held.clamp(min=1)).masked_fill(broken, torch.nan)
        accuracy = correct.to(scores.dtype).masked_fill(broken, torch.nan)
        return {"mean_iou": mean_iou, "pixel_accuracy": accuracy}

    def answers(self, scores: Tensor) -> Tensor:
        """Give the class of every pixel ``[..., height, width]``."""
        return scores.argmax(-3)

    def guess(self, y: Tensor, mask: Tensor) -> Tensor:
        """Give the logarithms of the classes' frequencies at every pixel's place.

        The shape is ``[task, class, height, width]``; one example of each class is added.
        """
        own = y.unsqueeze(-1) == torch.arange(self.classes, device=y.device)
        own = own & (mask > 0).reshape(*mask.shape, 1, 1, 1)
        counts = own.sum((1, 2, 3)).to(mask.dtype) + 1
        logs = (counts / counts.sum(1, keepdim=True)).log()
        return logs.reshape(*logs.shape, 1, 1).expand(-1, -1, *y.shape[-2:])

    def _check_scores(self, scores: Tensor, y: Tensor) -> None:
        expected = (*y.shape[:-2], self.classes, *y.shape[-2:])
        require(
            tuple(scores.shape) == expected,
            f"Scores of pixels should be [example, class, height, width], here {list(expected)}. "
            f"Found {list(scores.shape)}: the network should give {self.classes} channels at the "
            "size of the labels.",
        )


__all__ = ["Pixels", "mean_over_examples"]
