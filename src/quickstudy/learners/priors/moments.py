"""The sums over the rows of many tasks that linear regression needs."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """Hold the sums over the rows of many tasks that linear regression needs.

    Attributes:
        gram: ``Φᵀ Φ`` of every task ``[task, feature, feature]``.
        cross: ``Φᵀ y`` ``[task, feature]``.
        square: ``yᵀ y`` ``[task]``.
        count: Rows ``[task]``.
    """

    gram: Tensor
    cross: Tensor
    square: Tensor
    count: Tensor

    @classmethod
    def of(cls, features: Tensor, y: Tensor, sizes: list[int]) -> "Moments":
        """Sum up rows that are ordered by task.

        Args:
            features: ``Φ`` of all rows ``[row, feature]``.
            y: Their targets ``[row]``.
            sizes: Rows of every task.
        """
        rows, targets = features.split(sizes), y.split(sizes)
        gram = torch.stack([x.T @ x for x in rows])
        square = torch.stack([v @ v for v in targets])
        return cls(gram, _crossed(rows, targets), square, torch.tensor(sizes, dtype=y.dtype))

    def of_tasks(self, chosen: Tensor) -> "Moments":
        """Give the sums of the tasks ``chosen`` only, by their places or true and false."""
        sums = (self.gram, self.cross, self.square, self.count)
        return Moments(*(each[chosen] for each in sums))

    def weighted(self, weight: Tensor) -> "Moments":
        """Give the sums over rows that count ``weight`` ``[task]`` each."""
        gram = self.gram * weight.reshape(-1, 1, 1)
        cross = self.cross * weight.unsqueeze(1)
        return Moments(gram, cross, self.square * weight, self.count)

    def scaled(self, features: Tensor, target: Tensor) -> "Moments":
        """Give the sums over rows that are divided by a scale.

        Args:
            features: The scale of every feature ``[feature]``.
            target: The scale of the target, a scalar.
        """
        gram = self.gram / (features.unsqueeze(1) * features)
        cross = self.cross / (features * target)
        return Moments(gram, cross, self.square / target**2, self.count)

    def deviations(self) -> tuple[Tensor, Tensor]:
        """Compute the standard deviations over all rows; the last feature is 1 in every row.

        Returns:
            Of every feature ``[feature]``, and of the target. They are 1 if nothing varies, and for
            the last feature.
        """
        gram, rows = self.gram.sum(0), self.count.sum()
        return _deviation(gram.diagonal(), gram[-1], rows), self._deviation_of_target()

    def _deviation_of_target(self) -> Tensor:
        """Compute the standard deviation of the target over all rows."""
        return _deviation(self.square.sum(), self.cross[:, -1].sum(), self.count.sum())

    def vary_within(self, least: float = 1e-6) -> Tensor:
        """Say of every feature if it varies within tasks ``[feature]``.

        A feature that does not is a property of the task. The last feature, which is 1 in every
        row, counts as varying.

        Args:
            least: The part of the feature's mean square that counts as varying.
        """
        squares = self._squares()
        within = (squares - self._between()).sum(0)
        within[-1] = torch.inf
        return within > least * squares.sum(0)

    def varying(self) -> Tensor:
        """Give the places of the features that vary within tasks ``[slope]``."""
        return self.vary_within().nonzero().squeeze(1)

    def _squares(self) -> Tensor:
        """Return the sum of squares of every feature ``[task, feature]``."""
        return self.gram.diagonal(dim1=1, dim2=2)

    def _between(self) -> Tensor:
        """Return the part of the squares that a feature's mean of the task explains."""
        count = self.count.clamp(min=1).unsqueeze(1)
        return self.gram[:, -1] ** 2 / count

    def residual(self, weights: Tensor) -> Tensor:
        """Compute the sum of squares that weights leave of every task ``[task]``.

        It is ``‖y_t − Φ_t w_t‖²``.

        Args:
            weights: ``w`` of every task, or of all ``[task, feature]`` or ``[feature]``.
        """
        fitted = (self.gram @ weights.unsqueeze(-1)).squeeze(-1)
        squares = self.square + (weights * (fitted - 2 * self.cross)).sum(-1)
        return squares.clamp(min=0)


@dataclass(frozen=True)
class TargetMoments:
    """Hold the sums over the rows of many tasks with several targets.

    Attributes:
        gram: Of features, of every task ``[task, feature, feature]``.
        cross: Of features and targets ``[task, feature, target]``.
        square: Of squares of targets ``[task, target]``.
        count: Rows ``[task]``.
    """

    gram: Tensor
    cross: Tensor
    square: Tensor
    count: Tensor

    @classmethod
    def of(cls, features: Tensor, y: Tensor, count: Tensor) -> "TargetMoments":
        """Sum up the rows of tasks.

        Args:
            features: ``Φ`` of every task, 0 for padding ``[task, row, feature]``.
            y: Their targets, 0 for padding ``[task, row, target]``.
            count: Rows ``[task]``.
        """
        turned = features.mT
        return cls(turned @ features, turned @ y, y.square().sum(1), count)

    def pull(self, mean: Tensor) -> Tensor:
        """Compute how rows pull weights from a mean ``[task, target, feature, 1]``.

        It is ``Φᵀ (y − Φ μ)``.

        Args:
            mean: ``μ`` of every target ``[target, feature]``.
        """
        return (self.cross - self.gram @ mean.T).mT.unsqueeze(-1)

    def of_target(self, place: int) -> Moments:
        """Give the sums of one target; nothing is learned through them."""
        gram, cross = self.gram.detach(), self.cross[..., place].detach()
        return Moments(gram, cross, self.square[:, place].detach(), self.count)


def _crossed(rows: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Multiply the features of every task with its targets ``[task, feature]``."""
    pairs = zip(rows, targets, strict=True)
    return torch.stack([x.T @ v for x, v in pairs])


def _deviation(square: Tensor, total: Tensor, rows: Tensor) -> Tensor:
    """Compute standard deviations from sums of squares and sums; 1 if nothing varies."""
    variance = square / rows - (total / rows) ** 2
    nothing = variance <= 1e-12 * square / rows
    return variance.masked_fill(nothing, 1).sqrt()


__all__ = ["Moments", "TargetMoments"]
