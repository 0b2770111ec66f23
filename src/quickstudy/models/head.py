"""The linear layer in which a network that gives scores ends, of every example or pixel."""

from torch import nn

from quickstudy.models.protocol import Gives


def linear_head(size: int, outputs: int | None) -> nn.Module:
    """Make a linear layer from ``size`` to ``outputs`` numbers, or the identity without outputs."""
    return nn.Identity() if outputs is None else nn.Linear(size, outputs)


def pixel_head(channels: int, outputs: int | None) -> nn.Module:
    """Make a linear layer for every pixel, a 1×1 convolution, or the identity without outputs."""
    return nn.Identity() if outputs is None else nn.Conv2d(channels, outputs, 1)


def scores_or_embeddings(outputs: int | None) -> Gives:
    """Say the output of a network that ends in such a head."""
    return "embeddings" if outputs is None else "scores"


__all__ = ["linear_head", "pixel_head", "scores_or_embeddings"]
