"""A ten-layer residual network."""

from collections.abc import Iterator
from typing import Literal, final

from torch import nn

from quickstudy.errors import require
from quickstudy.models.residual import Residual, conv_norm, projection
from quickstudy.models.resnet import ResNet, Widths, check_widths


@final
class ResNet10(ResNet):
    """Stack a stem, four residual blocks of two 3×3 convolutions, a spatial mean, a linear layer.

    A block is ``relu(body(x) + shortcut(x))``: its body is two times convolution and batch norm
    with ReLU between them. Every block but the first halves height and width. The shortcut is a 1×1
    convolution and batch norm, or the identity if the block changes neither size nor width.

    Args:
        way: Outputs of the linear layer, or None for embeddings of ``widths[-1]`` numbers.
        widths: Filters of the four blocks; the stem has as many as the first.
        in_channels: Channels of the image.
        image_size: Height and width of the image; None for any.
        stem: ``"7x7"``: a 7×7 convolution with stride 2, batch norm, ReLU and 3×3 max-pooling with
            stride 2, for images of 64 pixels and more. ``"3x3"``: a 3×3 convolution, batch norm and
            ReLU at full size, for small images.
        maps: Give the feature maps ``[example, channel, height, width]`` of the last block.
        seed: Seed of the initial weights.

    Raises:
        UserError: If ``widths`` are not four, or ``stem`` is unknown.

    Source: Chen et al. 2019, section 4.1; He et al. 2016, table 1, with one block in every stage,
    not two. He et al., section 4.2, have the stem for small images.

    Example:
        >>> import torch, quickstudy as qs
        >>> model = qs.models.ResNet10(way=5, widths=(4, 8, 8, 16), stem="3x3")
        >>> model(torch.zeros(2, 3, 32, 32)).shape, model.embedding_size
        (torch.Size([2, 5]), 16)
    """

    def __init__(
        self,
        way: int | None = None,
        widths: Widths = (64, 128, 256, 512),
        in_channels: int = 3,
        image_size: int | None = None,
        stem: Literal["7x7", "3x3"] = "7x7",
        maps: bool = False,
        seed: int = 0,
    ) -> None:
        check_widths(widths)
        _check_stem(stem)
        blocks = nn.Sequential(_stem(in_channels, widths[0], stem), *_blocks(widths))
        super().__init__(blocks, way, widths, in_channels, image_size, maps, seed)
        self.stem = stem


def _check_stem(kind: str) -> None:
    require(kind in ("7x7", "3x3"), f"Parameter `stem` should be '7x7' or '3x3'. Found {kind!r}.")


def _stem(before: int, after: int, kind: str) -> nn.Sequential:
    if kind == "3x3":
        return nn.Sequential(*conv_norm(before, after), nn.ReLU())
    return nn.Sequential(*conv_norm(before, after, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))


def _blocks(widths: Widths) -> Iterator[Residual]:
    return map(_block, (widths[0], *widths[:-1]), widths, (1, 2, 2, 2))


def _block(before: int, after: int, stride: int) -> Residual:
    body = nn.Sequential(*conv_norm(before, after, 3, stride), nn.ReLU(), *conv_norm(after, after))
    return Residual(body, _shortcut(before, after, stride), nn.ReLU())


def _shortcut(before: int, after: int, stride: int) -> nn.Module:
    """Make the identity, or a projection if the block changes width or size."""
    if before == after and stride == 1:
        return nn.Identity()
    return projection(before, after, stride)


__all__ = ["ResNet10"]
