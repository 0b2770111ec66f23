"""The state of torch's own generator: what is computed again must draw the same dropout."""

import torch
from torch import Tensor


def rng_state(device: torch.device) -> Tensor:
    """The state of the generator of ``device``."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def restore_rng(device: torch.device, state: Tensor) -> None:
    """Put the generator of ``device`` into ``state``."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
