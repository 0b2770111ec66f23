"""Ratios of quantities that may be 0, such as the norm of a task without rows."""

import torch
from torch import Tensor


def ratio(part: Tensor | float, whole: Tensor) -> Tensor:
    """Divide ``part`` by ``whole``; give 0 if ``whole`` is not positive.

    Example:
        >>> ratio(1.0, torch.tensor([4.0, 0.0]))
        tensor([0.2500, 0.0000])
    """
    return torch.where(whole > 0, part / whole.where(whole > 0, 1.0), 0.0)


__all__ = ["ratio"]
