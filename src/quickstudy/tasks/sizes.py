"""Sizes of tasks: one number, or a range from which every task draws a size."""

from numbers import Integral

import torch
from torch import Tensor

from quickstudy.errors import require

Range = int | tuple[int, int]


def range_of(value: Range, name: str, least: int = 1) -> tuple[int, int]:
    """Give the least and the largest number that ``value`` allows.

    Raises:
        UserError: If ``value`` is not whole, or below ``least``; it is called ``name``.
    """
    low, high = value if isinstance(value, tuple | list) else (value, value)
    require(
        isinstance(low, Integral) and isinstance(high, Integral),
        f"Parameter `{name}` should be whole. Found {name}={value}.",
    )
    require(
        least <= low <= high,
        f"Parameter `{name}` should be at least {least} (a pair: low, high). Found {name}={value}.",
    )
    return int(low), int(high)


def drawn_sizes(sizes: tuple[int, int], count: int, generator: torch.Generator) -> Tensor:
    """Draw a size within ``sizes`` for every task ``[task, 1, 1]``."""
    low, high = sizes
    return torch.randint(low, high + 1, (count, 1, 1), generator=generator)
