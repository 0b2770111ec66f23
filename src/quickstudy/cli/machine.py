"""The device and the threads to compute with."""

import os

import torch

from quickstudy.errors import UserError, require

MOST_THREADS = 256
"""More threads crash OpenMP, unless the machine has more cores."""


def device(name: str) -> torch.device:
    """Find the device called ``name``.

    Raises:
        UserError: If there is no such device.
    """
    _check_device(name)
    return torch.device(name)


def _check_device(name: str) -> None:
    """Raise if nothing can be computed on a device."""
    try:
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"Option --device should name a device of this machine. Found {name!r}: {reason}"
        ) from None


def use_threads(threads: int | None) -> None:
    """Let torch compute with a number of ``threads``, if one is given.

    Raises:
        UserError: If it is below 1, or more than the machine can start.
    """
    if threads is not None:
        _check_threads(threads)
        torch.set_num_threads(threads)


def _check_threads(threads: int) -> None:
    """Raise if a number of threads is below 1, or more than the machine can start."""
    most = max(MOST_THREADS, os.cpu_count() or 1)
    require(threads >= 1, f"Option --threads should be at least 1. Found {threads}.")
    require(threads <= most, f"Option --threads should be at most {most}. Found {threads}.")


__all__ = ["device", "use_threads"]
