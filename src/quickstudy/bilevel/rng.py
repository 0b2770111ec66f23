"""The state of torch's global generator: a second computation must draw the same dropout."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


def rng_state(device: torch.device) -> Tensor:
    """Give the state of the generator of ``device``."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def restore_rng(device: torch.device, state: Tensor) -> None:
    """Put the generator of ``device`` into ``state``."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)


@contextmanager
def rng_kept(device: torch.device) -> Iterator[None]:
    """Put the generator of ``device`` back, at the end, into the state that it is in now."""
    present = rng_state(device)
    try:
        yield
    finally:
        restore_rng(device, present)


def device_of(tensors: Mapping[str, Tensor]) -> torch.device:
    """Give the device of the first of ``tensors``."""
    return next(iter(tensors.values())).device
