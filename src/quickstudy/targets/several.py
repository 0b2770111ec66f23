"""Several targets of different kinds for every example, of which some may be missing."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.targets.classes import Classes
from quickstudy.targets.numbers import Numbers
from quickstudy.targets.target import Target

SINGLE = Numbers(())


@dataclass(frozen=True)
class Several(Target):
    """Ask for numbers and classes side by side, of which some may be missing.

    Labels are ``[task, example, target]``, NaN if missing; the label of a class is its index as a
    floating-point number. A number takes one of the ``scores`` ``[..., score]`` and costs
    ``(score − y)²``. ``n`` classes take the next ``n`` and cost ``−log softmax(scores)[y]``. The
    loss of a task is the mean over its targets of the mean loss of each target's labels, so that no
    target counts more for having more labels.

    Args:
        targets: The number of classes of each target; 0 for a number.

    Raises:
        UserError: If there is no target, or one has a single class.

    Example:
        >>> import torch
        >>> scores = torch.tensor([[[1.0, 0.0, 0.0]]])  # a number, and the scores of two classes
        >>> Several((0, 2)).losses(scores, torch.tensor([[[3.0, torch.nan]]]))
        tensor([4.])
    """

    targets: tuple[int, ...] = (0,)

    metric: ClassVar[str] = "loss"

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", tuple(self.targets))
        good = len(self.targets) > 0 and all(n == 0 or n >= 2 for n in self.targets)
        require(
            good,
            f"Targets should be 0 for a number, or at least 2 classes. Found {self.targets}.",
        )

    @property
    def each(self) -> tuple[Target, ...]:
        """The targets one by one."""
        return tuple(map(_target, self.targets))

    @property
    def widths(self) -> list[int]:
        """The number of scores of each target."""
        return [max(1, n) for n in self.targets]

    @property
    def scores(self) -> int:
        """The scores of all targets together."""
        return sum(self.widths)

    def split(self, scores: Tensor) -> list[Tensor]:
        """Cut ``scores`` ``[..., score]`` into ``[..., class]`` or ``[...]`` for each target."""
        parts = list(scores.split(self.widths, -1))
        for place, n in enumerate(self.targets):
            if n == 0:
                parts[place] = parts[place].squeeze(-1)
        return parts

    def check(self, y: Tensor) -> None:
        """Raise unless ``y`` holds floating-point numbers ``[task, example, target]``."""
        require(
            y.dtype.is_floating_point and y.ndim == 3 and y.shape[2] == len(self.targets),
            f"Labels should be [task, example, target] with {len(self.targets)} floating-point "
            f"targets, NaN if missing. Found {y.dtype} {list(y.shape)}.",
        )

    def label_losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Give the loss of every label ``[..., target]``, 0 if it is missing."""
        require(
            scores.shape == (*y.shape[:-1], self.scores),
            f"Targets {self.targets} should have {self.scores} scores and {len(self.targets)} "
            f"floating-point targets for every example. Found scores {tuple(scores.shape)} and "
            f"targets {tuple(y.shape)}.",
        )
        missing = y.isnan()
        labels = y.masked_fill(missing, 0).unbind(-1)
        columns = zip(self.each, self.split(scores), labels, strict=True)
        losses = [own.example_losses(part, label) for own, part, label in columns]
        return torch.stack(losses, -1).masked_fill(missing, 0)

    def example_losses(self, scores: Tensor, y: Tensor) -> Tensor:
        """Give the mean loss of the labels that an example has ``[...]``."""
        there = y.isfinite().sum(-1)
        return self.label_losses(scores, y).sum(-1) / there.clamp(min=1)

    def losses(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give the mean over a task's targets of the mean over their labels ``[task]``."""
        real = self._real(y, mask)
        losses = self.label_losses(scores, y) * real
        counts = real.sum(1)
        by_target = losses.sum(1) / counts.clamp(min=1)
        return by_target.sum(1) / (counts > 0).sum(1).clamp(min=1)

    def values(self, scores: Tensor, y: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Give the ``loss`` ``[task]``."""
        return {self.metric: self.losses(scores, y, mask)}

    def answers(self, scores: Tensor) -> Tensor:
        """Give the numbers, and the probabilities of the classes, in the order of the scores."""
        parts = zip(self.each, self.split(scores), strict=True)
        columns = [own.answers(part) for own, part in parts]
        return torch.cat([column.reshape(*scores.shape[:-1], -1) for column in columns], -1)

    def guess(self, y: Tensor, mask: Tensor) -> Tensor:
        """Give the guess of each target from its labels ``[task, score]``."""
        real = self._real(y, mask).to(mask.dtype).unbind(-1)
        labels = y.nan_to_num().unbind(-1)
        columns = zip(self.each, labels, real, strict=True)
        guesses = [own.guess(label, there) for own, label, there in columns]
        return torch.cat([guess.reshape(len(y), -1) for guess in guesses], 1)

    def _real(self, y: Tensor, mask: Tensor | None) -> Tensor:
        """Say which labels count ``[task, example, target]``."""
        return y.isfinite() if mask is None else y.isfinite() & (mask > 0).unsqueeze(-1)


def _target(num_classes: int) -> Target:
    return Classes(num_classes) if num_classes else SINGLE


__all__ = ["Several"]
