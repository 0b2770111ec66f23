"""An encoder and a decoder with connections between them, for dense prediction."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import require_at_least
from quickstudy.models.head import pixel_head
from quickstudy.models.images import check_images
from quickstudy.models.initialise import initialise
from quickstudy.models.layout import channels_last
from quickstudy.models.protocol import Gives
from quickstudy.models.residual import conv_norm
from quickstudy.random import generator


class UNet(nn.Module):
    """Give every pixel scores, from maps at several scales that are brought back to full size.

    The encoder halves the image ``depth`` times; its level ``l`` has ``channels · 2^l`` filters::

        e_0 = f_0(x),  e_l = f_l(maxpool(e_{l−1}))
        d_depth = e_depth,  d_l = g_l(concat(e_l, enlarge(d_{l+1})))
        y = W d_0 + b

    Here ``f`` and ``g`` are two times 3×3 convolution, batch norm and ReLU, ``enlarge`` repeats
    values up to the size of ``e_l``, and ``W`` is a 1×1 convolution, the head. Any height and width
    are served, odd ones too; the output has the size of the image.

    Args:
        way: Number of classes of a pixel; None gives the feature maps ``d_0`` ``[example, channel,
            height, width]`` instead, an embedding of every pixel.
        channels: Filters at full size.
        depth: Number of halvings.
        in_channels: Channels of the image.
        image_size: Height and width of the image; None for any.
        seed: Seed of the initial weights.

    Raises:
        UserError: If a number is too small.

    Source: Ronneberger, Fischer & Brox 2015, figure 1. Differs from the paper: convolutions are
    padded, so that no pixel is lost; there is batch norm; maps are enlarged by repetition, because
    a transposed convolution leaves a checkerboard pattern (Odena, Dumoulin & Olah 2016). The paper
    has 64 channels and depth 4.

    Example:
        >>> import torch, quickstudy as qs
        >>> qs.models.UNet(way=3, channels=4)(torch.zeros(2, 3, 37, 50)).shape
        torch.Size([2, 3, 37, 50])
    """

    takes: ClassVar = "images"
    can_give: ClassVar[tuple[Gives, ...]] = ("dense_scores", "maps")

    def __init__(
        self,
        way: int | None = None,
        channels: int = 32,
        depth: int = 3,
        in_channels: int = 3,
        image_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_at_least(1, channels=channels, depth=depth)
        self.way, self.seed = way, seed
        self.channels, self.depth = channels, depth
        self.in_channels, self.image_size = in_channels, image_size
        self.feature_channels = self.embedding_size = channels
        self.encoder, self.decoder = self._make_encoder(), self._make_decoder()
        self.head = pixel_head(channels, way)
        initialise(self, generator(seed, "model"))
        channels_last(self)

    @property
    def gives(self) -> Gives:
        """The output of the network."""
        return "maps" if self.way is None else "dense_scores"

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, channel, height, width]`` to ``[example, class, height, width]``.

        Raises:
            UserError: If ``x`` has another shape.
        """
        check_images(x, self.in_channels)
        return self.head(self._decode(self._encode(x)))

    def _encode(self, x: Tensor) -> list[Tensor]:
        """Give the maps of the encoder, from full size down."""
        first, *deeper = self.encoder
        levels = [first(x)]
        for level in deeper:
            levels.append(level(F.max_pool2d(levels[-1], 2, ceil_mode=True)))
        return levels

    def _decode(self, levels: list[Tensor]) -> Tensor:
        """Bring the deepest maps back to full size, joined by the encoder's maps at every level."""
        *others, maps = levels
        for level, beside in zip(self.decoder, reversed(others), strict=True):
            maps = level(_concat(beside, maps))
        return maps

    def _widths(self) -> list[int]:
        """Give the filters of each level, from full size down."""
        return [self.channels * 2**level for level in range(self.depth + 1)]

    def _make_encoder(self) -> nn.ModuleList:
        """Make the levels of the encoder, from full size down."""
        widths = self._widths()
        return nn.ModuleList(map(_level, [self.in_channels, *widths[:-1]], widths))

    def _make_decoder(self) -> nn.ModuleList:
        """Make the levels of the decoder, back up to full size.

        Each sees the maps of its level of the encoder, and twice as many from below.
        """
        widths = self._widths()[-2::-1]
        return nn.ModuleList(map(_level, [3 * width for width in widths], widths))


def _concat(beside: Tensor, maps: Tensor) -> Tensor:
    """Enlarge ``maps`` to the size of ``beside``, and put them behind its channels."""
    return torch.cat([beside, F.interpolate(maps, beside.shape[2:])], 1)


def _level(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(*conv_norm(before, after), nn.ReLU(), *conv_norm(after, after), nn.ReLU())


__all__ = ["UNet"]
