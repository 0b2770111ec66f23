"""Chooses the shades of the grey values of images, and draws the images."""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from torch import Tensor


def can_be_shown(x: Tensor) -> bool:
    """Say whether ``x`` ``[..., channel, height, width]`` holds grey or colour images."""
    return x.shape[-3] in (1, 3)


@dataclass(frozen=True)
class Shades:
    """The range of grey values of images, and the map by which they are shown.

    Attributes:
        low: The value that is shown at one end of the map.
        high: The value that is shown at the other end.
        map: The name of matplotlib's map.
    """

    low: float
    high: float
    map: str

    @classmethod
    def of(cls, x: Tensor) -> "Shades":
        """Choose the shades of images ``x`` such that most of their area is white."""
        low, high = float(x.min()), float(x.max())
        is_dark = float(x.mean()) < (low + high) / 2
        return cls(low, high, "gray_r" if is_dark else "gray")

    def draw(self, axes: Axes, image: Tensor, **style: Any) -> None:
        """Draw an image ``[channel, height, width]``."""
        grey = (image.float() - self.low) / max(self.high - self.low, 1e-12)
        pixels = grey.clamp(0, 1).movedim(0, -1).numpy()
        axes.imshow(pixels, cmap=self.map, vmin=0, vmax=1, interpolation="antialiased", **style)
