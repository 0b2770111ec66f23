"""The four-block convolutional network of the few-shot literature."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.head import linear_head, scores_or_embeddings
from quickstudy.models.images import check_images
from quickstudy.models.initialise import initialise
from quickstudy.models.layout import channels_last
from quickstudy.models.protocol import Gives
from quickstudy.models.spatial_mean import SpatialMean
from quickstudy.random import generator


class Conv4(nn.Module):
    """Stack four blocks of 3×3 convolution, batch norm, ReLU (and pooling), and a linear layer.

    Args:
        way: Outputs of the linear layer, or None for an embedding without one.
        channels: Filters of every block.
        in_channels: Channels of the image.
        image_size: Height and width of the image.
        downsample: ``"max"``: 2×2 max-pooling after each block (Vinyals 2016; ProtoNet).
            ``"stride"``: stride 2 in place of pooling, and the mean over space before the linear
            layer (MAML's and Reptile's Omniglot network).
        maps: Give the feature maps ``[example, channel, height, width]`` of the last block, with
            pooling in the first two blocks only (RelationNet's embedding).
        last_channels: Filters of the last block; by default as many as of the others.
        seed: Seed of the initial weights.

    Raises:
        UserError: If the image is too small for four poolings.

    Source: Vinyals et al. 2016, section 4.1.1; Finn et al. 2017, section 5.2 and appendix A; Sung
    et al. 2018, figure 2. Differs from the papers: pooling comes before ReLU. The result is the
    same, since both are monotone, at a quarter of the values.

    Example:
        >>> import torch, quickstudy as qs
        >>> qs.models.Conv4(way=5)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 5])
    """

    takes: ClassVar = "images"
    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "embeddings", "maps")

    def __init__(
        self,
        way: int | None = None,
        channels: int = 64,
        in_channels: int = 1,
        image_size: int = 28,
        downsample: Literal["max", "stride"] = "max",
        maps: bool = False,
        last_channels: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        _check_downsample(downsample, image_size)
        _check_maps(maps, way, downsample)
        self.way, self.channels = way, channels
        self.in_channels, self.image_size = in_channels, image_size
        self.downsample, self.maps = downsample, maps
        self.last_channels, self.seed = last_channels, seed
        self.blocks = self._make_blocks()
        self.head = linear_head(self.embedding_size, way)
        initialise(self, generator(seed, "model"))
        channels_last(self, _Conv3x3)

    @property
    def feature_channels(self) -> int:
        """Filters of the last block."""
        return self.channels if self.last_channels is None else self.last_channels

    @property
    def embedding_size(self) -> int:
        """The length of an embedding, or of flattened feature maps if the network gives maps."""
        return self.feature_channels * self._side() ** 2

    @property
    def gives(self) -> Gives:
        """The output of the network."""
        return "maps" if self.maps else scores_or_embeddings(self.way)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, channel, height, width]`` to scores ``[example, way]`` or embeddings.

        Raises:
            UserError: If ``x`` has another shape.
        """
        check_images(x, self.in_channels)
        return self.head(self.blocks(x))

    def _make_blocks(self) -> nn.Sequential:
        widths = [self.in_channels, *[self.channels] * 3, self.feature_channels]
        blocks = map(_block, widths[:-1], widths[1:], self._halvings())
        return nn.Sequential(*blocks, *self._make_end())

    def _halvings(self) -> list[str | None]:
        """Say how each block halves height and width, None if it does not."""
        last = None if self.maps else self.downsample
        return [self.downsample, self.downsample, last, last]

    def _make_end(self) -> list[nn.Module]:
        """Make the layer that turns maps into embeddings, if they are asked for."""
        if self.maps:
            return []
        return [SpatialMean() if self.downsample == "stride" else nn.Flatten()]

    def _side(self) -> int:
        """Give the height and width over which an embedding is laid out."""
        if self.downsample == "stride":
            return 1
        return self.image_size // (4 if self.maps else 16)


def _check_downsample(downsample: str, image_size: int) -> None:
    """Raise unless images can be made smaller as ``downsample`` says."""
    require(
        downsample in ("max", "stride"),
        f"Parameter `downsample` should be 'max' or 'stride'. Found {downsample!r}.",
    )
    require(
        downsample == "stride" or image_size >= 16,
        f"Parameter `image_size` should be at least 16. Found image_size={image_size}.",
    )


def _check_maps(maps: bool, way: int | None, downsample: str) -> None:
    """Raise if feature maps are asked for together with a head or strides."""
    require(
        not (maps and (way is not None or downsample == "stride")),
        "Parameter `maps` goes with way=None and downsample='max' only.",
    )


def _block(before: int, after: int, downsample: str | None) -> nn.Sequential:
    pool = [nn.MaxPool2d(2)] if downsample == "max" else []
    convolution = _convolution(before, after, 2 if downsample == "stride" else 1)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), *pool, nn.ReLU())


def _convolution(before: int, after: int, stride: int) -> "_Conv3x3":
    return _Conv3x3(before, after, 3, stride=stride, padding=1)


class _Conv3x3(nn.Conv2d):
    """Convolve, by a matrix product if the image has one channel and is mapped over tasks.

    Mapped over tasks a convolution becomes a grouped one. With one input channel this takes about
    seven times as long as unfolding the image; with more channels it is the faster of the two.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.in_channels > 1 or self.bias is None:
            return super().forward(x)
        if torch._C._functorch.is_batchedtensor(self.weight):
            return self._by_unfolding(x, self.bias)
        return self._conv_forward(x, self._laid_out_weight(), self.bias)

    def _laid_out_weight(self) -> Tensor:
        """Give the weight with channels-last strides, also if an operation has changed them."""
        return self.weight.reshape(-1, 3, 3, 1).permute(0, 3, 1, 2)

    def _by_unfolding(self, x: Tensor, bias: Tensor) -> Tensor:
        """Convolve as a product of the weight and the patches of the image."""
        patches = F.unfold(x, 3, padding=1, stride=self.stride[0])
        flat = self.weight.flatten(1) @ patches + bias.unsqueeze(-1)
        return flat.unflatten(-1, self._sides(x))

    def _sides(self, x: Tensor) -> list[int]:
        """Compute height and width of the output."""
        return [(side - 1) // self.stride[0] + 1 for side in x.shape[-2:]]


__all__ = ["Conv4"]
