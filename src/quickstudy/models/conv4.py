"""The four-block convolutional network of the few-shot literature."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import UserError, require
from quickstudy.models.initialise import initialise
from quickstudy.models.layout import channels_last
from quickstudy.random import generator


class Conv4(nn.Module):
    """Four blocks of 3×3 convolution, batch norm, ReLU (and pooling), then a linear layer.

    Args:
        way: Outputs of the linear layer, or None for an embedding without one.
        channels: Filters of every block.
        in_channels: Channels of the image.
        image_size: Height and width of the image.
        downsample: ``"max"``: 2×2 max-pooling after each block (Vinyals 2016; ProtoNet).
            ``"stride"``: stride 2 in place of pooling, and the mean over space before the linear
            layer (MAML's and Reptile's Omniglot network).
        maps: Give the feature maps ``[example, channel, height, width]`` of the last block, with
            pooling in the first two blocks alone (RelationNet's embedding).
        last_channels: Filters of the last block; by default as many as of the others.
        seed: Seed of the initial weights.

    Raises:
        UserError: If the image is too small for four poolings.

    Differs from the papers: pooling comes before ReLU, which gives the same result (both are
    monotone) on a quarter of the values.

    Source: Vinyals et al. 2016, section 4.1.1; Finn et al. 2017, section 5.2 and appendix A; Sung
        et al. 2018, figure 2.
    """

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
        require(
            downsample in ("max", "stride"),
            f"Parameter `downsample` should be 'max' or 'stride'. Found {downsample!r}.",
        )
        self.way, self.channels, self.last_channels, self.in_channels = (
            way,
            channels,
            last_channels,
            in_channels,
        )
        self.image_size, self.downsample, self.maps, self.seed = image_size, downsample, maps, seed
        require(
            downsample == "stride" or image_size >= 16,
            f"Parameter `image_size` should be at least 16. Found image_size={image_size}.",
        )
        require(
            not (maps and (way is not None or downsample == "stride")),
            "Parameter `maps` goes with way=None and downsample='max' only.",
        )
        self.feature_channels = channels if last_channels is None else last_channels
        widths = [in_channels, channels, channels, channels, self.feature_channels]
        halving = [downsample, downsample, None, None] if maps else [downsample] * 4
        end = [] if maps else [_SpatialMean() if downsample == "stride" else nn.Flatten()]
        self.blocks = nn.Sequential(*map(_block, widths[:-1], widths[1:], halving), *end)
        side = 1 if downsample == "stride" else image_size // (4 if maps else 16)
        self.embedding_size = self.feature_channels * side**2
        self.head = nn.Identity() if way is None else nn.Linear(self.embedding_size, way)
        initialise(self, generator(seed, "model"))
        channels_last(self, _Conv3x3)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``[example, channel, height, width]`` to scores ``[example, way]`` or
        embeddings.

        Raises:
            UserError: If ``x`` has another shape.
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise UserError(self._advice(list(x.shape)))
        return self.head(self.blocks(x))

    def _advice(self, shape: list[int]) -> str:
        expected = (
            "Images should be [example, channel, height, width] with "
            f"in_channels={self.in_channels}. Found {shape}."
        )
        if len(shape) == 3 and self.in_channels == 1:
            return f"{expected} Add the channel: x[:, None]."
        if len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] > 4:
            return f"{expected} Put the channels first: np.moveaxis(x, -1, 1)."
        return f"{expected} Conv4(in_channels=...) says how many there are."


def _block(before: int, after: int, downsample: str | None) -> nn.Sequential:
    stride = 2 if downsample == "stride" else 1
    pool = [nn.MaxPool2d(2)] if downsample == "max" else []
    return nn.Sequential(
        _Conv3x3(before, after, 3, stride=stride, padding=1),
        nn.BatchNorm2d(after),
        *pool,
        nn.ReLU(),
    )


class _SpatialMean(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class _Conv3x3(nn.Conv2d):
    """``nn.Conv2d``, written as a matrix product where every task has its own weights and the image
    one channel.

    Mapped over tasks a convolution becomes a grouped one, which for one input channel takes about
    seven times as long as unfolding the image; with more channels it is the faster of the two.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.in_channels > 1 or self.bias is None:
            return super().forward(x)
        if not torch._C._functorch.is_batchedtensor(self.weight):
            # its strides say channels-last, whatever made it
            weight = self.weight.reshape(-1, 3, 3, 1).permute(0, 3, 1, 2)
            return self._conv_forward(x, weight, self.bias)
        height, width = ((side - 1) // self.stride[0] + 1 for side in x.shape[-2:])
        patches = F.unfold(x, 3, padding=1, stride=self.stride[0])
        flat = self.weight.flatten(1) @ patches + self.bias.unsqueeze(-1)
        return flat.unflatten(-1, (height, width))
