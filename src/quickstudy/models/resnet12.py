"""The twelve-layer residual network of the few-shot literature."""

from typing import final

from torch import nn

from quickstudy.errors import require_at_least
from quickstudy.models.drop_block import DropBlock
from quickstudy.models.residual import Residual, conv_norm, projection
from quickstudy.models.resnet import ResNet, Widths, check_widths

SMALLEST = 16
"""The smallest side of an image of which four poolings leave a pixel."""

SLOPE = 0.1
"""The slope of leaky ReLU below 0."""


@final
class ResNet12(ResNet):
    """Stack four residual blocks of three 3×3 convolutions, a spatial mean and a linear layer.

    A block is ``DropBlock(leaky_relu(maxpool(body(x) + shortcut(x))))``: its body is three times
    convolution and batch norm with leaky ReLU (slope 0.1) between them, its shortcut a 1×1
    convolution and batch norm. Only the last two blocks drop.

    Args:
        way: Outputs of the linear layer, or None for embeddings of ``widths[-1]`` numbers.
        widths: Filters of the four blocks. Meta-transfer learning has (64, 128, 256, 512).
        in_channels: Channels of the image.
        image_size: Height and width of the image, at least 16; None for any.
        drop_rate: The share of values that :class:`DropBlock` drops in training; 0 for none.
        block_size: Height and width of the squares that are dropped.
        maps: Give the feature maps ``[example, channel, height, width]`` of the last block.
        seed: Seed of the initial weights.

    Raises:
        UserError: If the image is too small, ``widths`` are not four, or a parameter is out of
            range.

    Source: Lee et al. 2019 (MetaOptNet), section 4.1. Differs from their code: the first two blocks
    do not drop (there they drop single values), the rate is constant, and the features are averaged
    over space, not flattened. Pooling comes before leaky ReLU; the result is the same, since both
    are monotone, at a quarter of the values.

    Example:
        >>> import torch, quickstudy as qs
        >>> model = qs.models.ResNet12(way=5, widths=(4, 8, 8, 16))
        >>> model(torch.zeros(2, 3, 84, 84)).shape, model.embedding_size
        (torch.Size([2, 5]), 16)
    """

    def __init__(
        self,
        way: int | None = None,
        widths: Widths = (64, 160, 320, 640),
        in_channels: int = 3,
        image_size: int | None = None,
        drop_rate: float = 0.1,
        block_size: int = 5,
        maps: bool = False,
        seed: int = 0,
    ) -> None:
        check_widths(widths)
        _check_size(image_size)
        drops = [DropBlock(drop_rate, block_size) for _ in range(2)]
        blocks = _blocks((in_channels, *widths), drops)
        super().__init__(blocks, way, widths, in_channels, image_size, maps, seed)
        self.drop_rate, self.block_size = drop_rate, block_size


def _check_size(image_size: int | None) -> None:
    """Raise if an image is too small for four poolings."""
    if image_size is not None:
        require_at_least(SMALLEST, image_size=image_size)


def _blocks(widths: tuple[int, ...], drops: list[DropBlock]) -> nn.Sequential:
    """Make the blocks; the last ones drop."""
    before, after = widths[:-1], widths[1:]
    none = [nn.Identity() for _ in after[len(drops) :]]
    return nn.Sequential(*map(_block, before, after, [*none, *drops]))


def _block(before: int, after: int, drop: nn.Module) -> Residual:
    body = nn.Sequential(
        *conv_norm(before, after),
        _leaky_relu(),
        *conv_norm(after, after),
        _leaky_relu(),
        *conv_norm(after, after),
    )
    return Residual(body, projection(before, after), _end(drop))


def _end(drop: nn.Module) -> nn.Sequential:
    """Make the layers after the sum."""
    return nn.Sequential(nn.MaxPool2d(2), _leaky_relu(), drop)


def _leaky_relu() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


__all__ = ["ResNet12"]
