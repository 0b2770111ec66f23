"""Dropout of whole regions of feature maps."""

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import require, require_at_least


class DropBlock(nn.Module):
    """Set squares of every feature map to zero in training; scale the rest up by as much.

    Every square that lies in the map is dropped with probability ``γ = rate / block² · height ·
    width / ((height − block + 1) (width − block + 1))``. If ``n_ij`` of them cover the place ``(i,
    j)``, its value is kept with probability ``(1 − γ)^n_ij``. It is divided by this probability, so
    the mean of the output is the input. In evaluation mode it is the identity.

    It draws from torch's global generator, as dropout does, so learners treat it as dropout. A
    square is at most as large as the map; at that size whole maps are dropped.

    Args:
        rate: The share of values to drop, if squares did not overlap.
        block: Height and width of a square.

    Raises:
        UserError: If ``rate`` is not in [0, 1), or ``block`` is below 1.

    Source: Ghiasi, Lin & Le 2018, algorithm 1 and eq. 1. Differs from the paper: a value is divided
    by the probability that it is kept. There a batch of maps is divided by the share that was kept,
    which ties examples together and makes the mean at the border larger than in the middle. The
    rate is constant; there it grows during training.

    Example:
        >>> import torch, quickstudy as qs
        >>> x = torch.ones(2, 3, 8, 8)
        >>> drop = qs.models.DropBlock(0.5, block=3)
        >>> torch.equal(drop.eval()(x), x), bool((drop.train()(x) == 0).any())
        (True, True)
    """

    def __init__(self, rate: float = 0.1, block: int = 5) -> None:
        super().__init__()
        require(0 <= rate < 1, f"Parameter `rate` should be in [0, 1). Found rate={rate}.")
        require_at_least(1, block=block)
        self.rate, self.block = rate, block

    def forward(self, x: Tensor) -> Tensor:
        """Drop squares of ``x`` ``[example, channel, height, width]``."""
        if not self.training or self.rate == 0:
            return x
        return self._drop(x)

    def _drop(self, x: Tensor) -> Tensor:
        block = min(self.block, *x.shape[2:])
        gamma = self._probability(x.shape[2:], block)
        corners = _draw((*x.shape[:2], *_num_places(x.shape[2:], block)), gamma, x)
        return x * (1 - _squares(corners, block)) / (1 - gamma) ** _num_covering(x, block)

    def _probability(self, sides: Sequence[int], block: int) -> float:
        """Compute the probability ``γ`` that a square is dropped."""
        return self.rate / block**2 * prod(sides) / prod(_num_places(sides, block))

    def extra_repr(self) -> str:
        """Show the parameters."""
        return f"rate={self.rate}, block={self.block}"


def _num_places(sides: Sequence[int], block: int) -> list[int]:
    """Count the places of a square along the height and the width of a map."""
    return [side - block + 1 for side in sides]


def _draw(shape: tuple[int, ...], probability: float, like: Tensor) -> Tensor:
    """Draw 1 with ``probability``, else 0, with dtype and device of ``like``."""
    # in single precision: half precision has too few numbers near a small probability
    drawn = torch.rand(shape, device=like.device, dtype=torch.float32)
    return (drawn < probability).to(like.dtype)


def _squares(corners: Tensor, block: int) -> Tensor:
    """Make a square of each of the ``corners``."""
    return F.max_pool2d(F.pad(corners, (block - 1,) * 4), block, stride=1)


def _num_covering(x: Tensor, block: int) -> Tensor:
    """Count the squares that cover each place of ``x``: ``[height, width]``."""
    rows, columns = (_num_along(side, block, x) for side in x.shape[2:])
    return rows.unsqueeze(1) * columns


def _num_along(side: int, block: int, like: Tensor) -> Tensor:
    """Count the intervals of length ``block`` in ``0 … side−1`` that cover each place."""
    place = torch.arange(1, side + 1, device=like.device, dtype=like.dtype)
    return torch.minimum(place, place.flip(0)).clamp(max=min(block, side - block + 1))


__all__ = ["DropBlock"]
