"""The check that an input is a batch of images."""

from torch import Tensor

from quickstudy.errors import UserError


def check_images(x: Tensor, in_channels: int) -> None:
    """Raise unless ``x`` is ``[example, channel, height, width]`` with ``in_channels`` channels.

    Raises:
        UserError: If ``x`` has another shape; the message says how to bring it into this one.
    """
    if x.ndim != 4 or x.shape[1] != in_channels:
        raise UserError(_advice(list(x.shape), in_channels))


def _advice(shape: list[int], in_channels: int) -> str:
    expected = (
        "Images should be [example, channel, height, width] with "
        f"in_channels={in_channels}. Found {shape}."
    )
    if len(shape) == 3 and in_channels == 1:
        return f"{expected} Add the channel: x[:, None]."
    if len(shape) == 4 and shape[3] in (1, 3, 4) and shape[1] > 4:
        return f"{expected} Put the channels first: np.moveaxis(x, -1, 1)."
    return f"{expected} The model's parameter `in_channels` says how many there are."


__all__ = ["check_images"]
