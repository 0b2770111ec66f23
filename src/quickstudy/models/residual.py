"""Blocks whose output is added to their input."""

from torch import Tensor, nn


class Residual(nn.Module):
    """``end(body(x) + shortcut(x))``.

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


def conv_norm(before: int, after: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
    """Make a convolution of ``size`` × ``size`` without bias, and its batch norm."""
    convolution = nn.Conv2d(before, after, size, stride, padding=size // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after)]


__all__ = ["Residual", "conv_norm"]
