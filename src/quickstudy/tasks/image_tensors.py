"""Images as tensors: scaled to inputs of a network, and turned."""

import torch
from torch import Tensor

from quickstudy.errors import require


def unit_images(x: Tensor) -> Tensor:
    """Scale ``uint8`` images to the unit interval, with a channel; leave other inputs unchanged.

    Args:
        x: Inputs ``[row, *feature]``. Images ``[row, height, width]`` get a channel.
    """
    if x.dtype != torch.uint8:
        return x
    scaled = x.to(torch.get_default_dtype()).mul_(1 / 255)
    return scaled.unsqueeze(1) if scaled.ndim == 3 else scaled


def quarter_turns(x: Tensor) -> Tensor:
    """Turn square images ``[image, ..., height, width]`` by 0°, 90°, 180° and 270°.

    The turns follow one another ``[4 · image, ..., height, width]``.

    Raises:
        UserError: If they are not square.
    """
    _check_square(x)
    return torch.cat([torch.rot90(x, quarter, (-2, -1)) for quarter in range(4)])


def turned_names(name: str) -> list[str]:
    """Name the four turns of a class."""
    return [f"{name}/rot{90 * quarter:03d}" for quarter in range(4)]


def _check_square(x: Tensor) -> None:
    height, width = x.shape[-2:] if x.ndim > 2 else (1, x.shape[-1])
    require(
        height == width,
        f"Only square images can be rotated. Found examples of shape {tuple(x.shape[1:])}.",
    )
