"""Image files, brought to the size, the channels and the ink that a model was trained on."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from quickstudy.errors import UserError, require

Ink = Literal["auto", "dark", "light"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
"""The endings of image files."""
BROKEN = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class ImageForm:
    """The form of images as a model sees them.

    An image is turned as its camera says, laid on white if it is transparent, padded to a square
    with the median colour of its border, resized by LANCZOS, and inverted if its ink is dark.

    Args:
        size: Height and width.
        channels: 1 for grey, 3 for colour.
        ink: Models of handwriting see ink as 1 on 0. ``"dark"`` inverts (dark ink on light paper),
            ``"light"`` does not, ``"auto"`` inverts each image whose border is brighter than half.
            None leaves images unchanged.

    Raises:
        UserError: If an argument is out of range.
    """

    size: int = 28
    channels: int = 1
    ink: Ink | None = None

    def __post_init__(self) -> None:
        require(self.size >= 1, f"Parameter `size` should be at least 1. Found size={self.size}.")
        require(
            self.channels in (1, 3),
            "Parameter `channels` should be 1 (grey) or 3 (colour). Found "
            f"channels={self.channels}.",
        )
        self._check_ink()

    def _check_ink(self) -> None:
        require(
            self.ink in (None, "auto", "dark", "light"),
            f"Parameter `ink` should be auto, dark, light or None. Found {self.ink!r}.",
        )

    def read(self, path: Path) -> tuple[NDArray[np.uint8], bool]:
        """Read an image ``uint8 [channel, height, width]``, and say whether it was inverted.

        Raises:
            UserError: If the file is missing, or no readable image.
        """
        image = _opened(path, "L" if self.channels == 1 else "RGB")
        border = _border(np.asarray(image))
        image = _squared(image, tuple(int(value) for value in border))
        image = image.resize((self.size, self.size), Image.Resampling.LANCZOS)
        inverted = self._inverts(border)
        pixels = _channels_first(image)
        return (255 - pixels if inverted else pixels), inverted

    def _inverts(self, border: NDArray[np.float64]) -> bool:
        """Say whether an image with this ``border`` ``[channel]`` is inverted."""
        return self.ink == "dark" or (self.ink == "auto" and float(border.mean()) > 127.5)

    def read_all(self, paths: Sequence[Path]) -> tuple[Tensor, int]:
        """Read images ``uint8 [image, channel, height, width]``, and count the inverted ones.

        Raises:
            UserError: If one of them is missing, or no readable image.
        """
        found = [self.read(path) for path in paths]
        images = torch.from_numpy(np.stack([pixels for pixels, _ in found]))
        return images, sum(inverted for _, inverted in found)

    def to_dict(self) -> dict[str, object]:
        """Give the arguments by name."""
        return asdict(self)


def _channels_first(image: Image.Image) -> NDArray[np.uint8]:
    """Give the pixels ``[channel, height, width]``."""
    return np.atleast_3d(np.asarray(image)).transpose(2, 0, 1)


def _opened(path: Path, mode: str) -> Image.Image:
    """Open the image at ``path`` in ``mode``."""
    require(path.exists(), f"There is no file {path}.")
    require(path.is_file(), f"{path} should be an image. Found no file.")
    try:
        with Image.open(path) as opened:
            return _flat(ImageOps.exif_transpose(opened), mode)
    except BROKEN as error:
        raise UserError(f"{path} is not a readable image: {error}.") from error


def _squared(image: Image.Image, colour: tuple[int, ...]) -> Image.Image:
    """Put the image in the middle of a square of ``colour``."""
    if image.width == image.height:
        return image
    side = max(image.size)
    square = Image.new(image.mode, (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Convert ``image`` to ``mode``, without transparency and with 8 bits."""
    # more than 8 bits, which Pillow would cut off at 255
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(_eight_bits(np.asarray(image), image.mode))
    return (_on_white(image) if image.has_transparency_data else image).convert(mode)


def _on_white(image: Image.Image) -> Image.Image:
    """Lay a transparent image on white."""
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def _eight_bits(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Bring grey ``pixels`` of 16 or 32 bits to 8 bits."""
    scale = _scale(float(pixels.max(initial=0)), mode)
    scaled = np.floor(pixels.clip(0, 65535) * scale + 1e-6)
    return scaled.clip(0, 255).astype(np.uint8)


def _scale(largest: float, mode: str) -> float:
    """Give the factor that brings pixels of 16 or 32 bits to 8 bits.

    16 bits have their full range. Pixels of 32 bits do not state their range: floating-point
    numbers up to 1 are fractions of white, numbers up to 255 have 8 bits, and larger numbers 16.
    """
    if mode == "F" and largest <= 1:
        return 255.0
    return 1.0 if mode in ("I", "F") and largest <= 255 else 1 / 257


def _border(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Give the median of an image's outermost pixels ``[channel]``.

    ``pixels`` is ``[height, width]`` or ``[height, width, channel]``.
    """
    sides = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    channels = pixels.shape[2:] or (1,)
    result: NDArray[np.float64] = np.median(sides.reshape(-1, *channels), axis=0)
    return result
