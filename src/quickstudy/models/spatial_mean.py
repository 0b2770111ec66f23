"""The mean of a feature map."""

from torch import Tensor, nn


class SpatialMean(nn.Module):
    """Average ``[example, channel, height, width]`` over height and width.

    It maps over tasks, whose batches ``nn.AdaptiveAvgPool2d`` computes one by one.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Give ``[example, channel]``."""
        return x.mean((2, 3))


__all__ = ["SpatialMean"]
