"""Where to compute."""

import torch

from quickstudy.errors import UserError, require


def device(name: str) -> torch.device:
    """Find the device called ``name``.

    Raises:
        UserError: If there is none.
    """
    try:
        found = torch.device(name)
        torch.zeros(1, device=found).item()
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"Option --device should name a device of this machine. Found {name!r}: "
            f"{str(error).splitlines()[0]}"
        ) from None
    return found


def use_threads(threads: int | None) -> None:
    """Let torch compute with a number of ``threads``, if one is given."""
    if threads is not None:
        require(threads >= 1, f"Option --threads should be at least 1. Found {threads}.")
        torch.set_num_threads(threads)


__all__ = ["device", "use_threads"]
