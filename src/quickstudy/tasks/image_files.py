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
"""Files of these endings are images, of others not."""
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
    """What images are brought to before a model sees them.

    An image is turned as its camera says, laid on white where it is transparent, padded to a square
    with the colour of its border (its median), resized by LANCZOS, and inverted where its ink is
    dark.

    Args:
        size: Height and width.
        channels: 1 for grey, 3 for colour.
        ink: Models of handwriting see ink as 1 on 0. ``"dark"`` inverts (dark ink on light paper),
            ``"light"`` does not, ``"auto"`` inverts each image whose border is brighter than half.
            None leaves images as they are.

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
        require(
            self.ink in (None, "auto", "dark", "light"),
            f"Parameter `ink` should be auto, dark, light or None. Found {self.ink!r}.",
        )

    def read(self, path: Path) -> tuple[NDArray[np.uint8], bool]:
        """The image at ``path``, ``uint8 [channel, height, width]``, and whether it was inverted.

        Raises:
            UserError: If the file is missing, or no readable image.
        """
        require(
            path.is_file(),
            f"There is no file {path}."
            if not path.exists()
            else f"{path} should be an image. Found no file.",
        )
        try:
            with Image.open(path) as opened:
                image = _flat(ImageOps.exif_transpose(opened), "L" if self.channels == 1 else "RGB")
        except BROKEN as error:
            raise UserError(f"{path} is not a readable image: {error}.") from error
        pixels = np.asarray(image)
        border = _border(pixels)
        if image.width != image.height:
            side = max(image.size)
            square = Image.new(image.mode, (side, side), tuple(int(value) for value in border))
            square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
            image = square
        if image.size != (self.size, self.size):
            image = image.resize((self.size, self.size), Image.Resampling.LANCZOS)
        inverted = self.ink == "dark" or (self.ink == "auto" and float(border.mean()) > 127.5)
        pixels = np.asarray(image).reshape(self.size, self.size, self.channels).transpose(2, 0, 1)
        return (255 - pixels if inverted else pixels), inverted

    def read_all(self, paths: Sequence[Path]) -> tuple[Tensor, int]:
        """The images at ``paths``, ``uint8 [image, channel, height, width]``, and how many of them
        were inverted.

        Raises:
            UserError: If one of them is missing, or no readable image.
        """
        found = [self.read(path) for path in paths]
        return torch.from_numpy(np.stack([pixels for pixels, _ in found])), sum(
            inverted for _, inverted in found
        )

    def to_dict(self) -> dict[str, object]:
        """The arguments by name."""
        return asdict(self)


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """``image`` without transparency and with 8 bits, in ``mode``."""
    if image.mode.startswith(("I", "F")):  # more than 8 bits, which Pillow would cut off at 255
        image = Image.fromarray(_eight_bits(np.asarray(image), image.mode))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def _eight_bits(pixels: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Grey ``pixels`` of 16 or 32 bits as 8 bits.

    16 bits have their full range. Those of 32 bits do not say theirs: floating-point numbers up to 1
    are parts of white, numbers up to 255 are of 8 bits, and larger ones of 16.
    """
    largest = float(pixels.max(initial=0))
    if mode == "F" and largest <= 1:
        scale = 255.0
    elif mode in ("I", "F") and largest <= 255:
        scale = 1.0
    else:
        scale = 1 / 257
    scaled = np.floor(pixels.clip(0, 65535) * scale + 1e-6)
    return scaled.clip(0, 255).astype(np.uint8)


def _border(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The median of an image's outermost pixels ``[channel]``; ``pixels`` is ``[height, width]`` or ``[height, width, channel]``."""
    sides = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    result: NDArray[np.float64] = np.median(
        np.concatenate(sides).reshape(-1, *([1] if pixels.ndim == 2 else pixels.shape[2:])), axis=0
    )
    return result
