"""The mean of a feature map."""

from torch import Tensor, nn


class SpatialMean(nn.Module):
    """Average feature maps over height and width.

    It maps over tasks, whose batches ``nn.AdaptiveAvgPool2d`` computes one by one.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, channel, height, width]`` to ``[example, channel]``."""
        return x.mean((2, 3))


__all__ = ["SpatialMean"]
