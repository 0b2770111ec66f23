"""The abstract parent of residual networks."""

from abc import ABC
from typing import ClassVar

from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.head import linear_head, scores_or_embeddings
from quickstudy.models.images import check_images
from quickstudy.models.initialise import initialise
from quickstudy.models.layout import channels_last
from quickstudy.models.protocol import Gives
from quickstudy.models.spatial_mean import SpatialMean
from quickstudy.random import generator

Widths = tuple[int, int, int, int]
"""Filters of the four blocks."""


class ResNet(nn.Module, ABC):
    """Stack residual blocks, the mean over space and a linear layer.

    Args:
        blocks: The blocks, from images to maps of ``widths[-1]`` channels.
        way: Outputs of the linear layer, or None for embeddings of ``widths[-1]`` numbers.
        widths: Filters of the four blocks.
        in_channels: Channels of the image.
        image_size: Height and width of the image; None for any.
        maps: Give the feature maps ``[example, channel, height, width]`` of the last block.
        seed: Seed of the initial weights.

    Raises:
        UserError: If ``maps`` and ``way`` are both given.
    """

    takes: ClassVar = "images"
    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "embeddings", "maps")

    def __init__(
        self,
        blocks: nn.Module,
        way: int | None,
        widths: Widths,
        in_channels: int,
        image_size: int | None,
        maps: bool,
        seed: int,
    ) -> None:
        super().__init__()
        _check_maps(maps, way)
        self.way, self.widths = way, tuple(widths)
        self.in_channels, self.image_size = in_channels, image_size
        self.maps, self.seed = maps, seed
        self.feature_channels = self.embedding_size = widths[-1]
        self.blocks = blocks
        self.end = nn.Identity() if maps else SpatialMean()
        self.head = linear_head(self.embedding_size, way)
        initialise(self, generator(seed, "model"))
        channels_last(self)

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
        return self.head(self.end(self.blocks(x)))


def _check_maps(maps: bool, way: int | None) -> None:
    """Raise if feature maps are asked for together with a head."""
    require(
        not (maps and way is not None),
        f"Parameter `maps` goes with way=None only. Found way={way}.",
    )


def check_widths(widths: Widths) -> None:
    """Raise unless ``widths`` are four positive numbers."""
    require(
        len(widths) == 4 and min(widths) >= 1,
        f"Parameter `widths` should be four numbers of at least 1. Found {tuple(widths)}.",
    )


__all__ = ["ResNet", "Widths", "check_widths"]
