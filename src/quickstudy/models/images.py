"""The check that an input is a batch of images."""

from torch import Tensor

from quickstudy.errors import UserError


def check_images(x: Tensor, in_channels: int) -> None:
    """Raise unless ``x`` is ``[example, channel, height, width]`` with ``in_channels`` channels.

    Raises:
        UserError: If ``x`` has another shape; the message says how to bring it into this one.
    """
    if x.ndim != 4 or x.shape[1] != in_channels:
        raise UserError(_message(list(x.shape), in_channels))


def _message(shape: list[int], in_channels: int) -> str:
    return (
        "Images should be [example, channel, height, width] with "
        f"in_channels={in_channels}. Found {shape}. {_advice(shape, in_channels)}"
    )


def _advice(shape: list[int], in_channels: int) -> str:
    """Say how to bring images into the right shape."""
    if len(shape) == 3 and in_channels == 1:
        return "Add the channel: x[:, None]."
    if _has_channels_last(shape):
        return "Put the channels first: np.moveaxis(x, -1, 1)."
    return "The model's parameter `in_channels` says how many there are."


def _has_channels_last(shape: list[int]) -> bool:
    """Say whether the last axis looks like channels, and the second does not."""
    return len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] > 4


__all__ = ["check_images"]
