"""Blocks whose output is added to their input."""

from torch import Tensor, nn


class Residual(nn.Module):
    """Add a shortcut to the output of a body.

    ``y = end(body(x) + shortcut(x))``.

    Args:
        body: The layers that are learned beside the shortcut.
        shortcut: The identity, or a projection to the body's shape.
        end: The layers after the sum.

    Source: He et al. 2016, eq. 1–2.
    """

    def __init__(self, body: nn.Module, shortcut: nn.Module, end: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut
        self.end = end

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, channel, height, width]`` to maps of the block's width."""
        return self.end(self.body(x) + self.shortcut(x))


class Every(nn.Module):
    """Keep every second (third, ...) row and column of feature maps."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Make ``[example, channel, height, width]`` smaller by the stride."""
        return x[..., :: self.stride, :: self.stride]


def conv_norm(before: int, after: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    """Make a convolution of ``size`` × ``size`` without bias, and its batch norm."""
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after)]


def projection(before: int, after: int, stride: int = 1) -> nn.Module:
    """Make a 1×1 convolution and its batch norm, to stand beside a body.

    The stride comes before the convolution. A strided 1×1 convolution gives the same, but in oneDNN
    3.12 its backward pass writes past its memory for fewer than 16 channels that come last
    (https://github.com/uxlfoundation/oneDNN/issues/6035).
    """
    every = [] if stride == 1 else [Every(stride)]
    return nn.Sequential(*every, *conv_norm(before, after, 1))


__all__ = ["Every", "Residual", "conv_norm", "projection"]
