"""Inputs and their powers: the features of a polynomial."""

import torch
from torch import Tensor, nn

from quickstudy.errors import require

WITHIN = 4.0


class Powers(nn.Module):
    """``[x, x², …, x^degree]`` of flattened inputs, with nothing to learn.

    Inputs are expected scaled (mean 0, standard deviation 1) and are kept within ±4, so that a
    power does not run away.

    Args:
        inputs: Length of the flattened input.
        degree: The highest power; 1 leaves the inputs alone.

    Raises:
        UserError: If a number is below 1.

    Example:
        >>> import torch, quickstudy as qs
        >>> qs.models.Powers(2, degree=2)(torch.tensor([[1.0, -3.0]]))
        tensor([[ 1., -3.,  1.,  9.]])
    """

    def __init__(self, inputs: int, degree: int = 2) -> None:
        super().__init__()
        for name, value in (("inputs", inputs), ("degree", degree)):
            require(value >= 1, f"Parameter `{name}` should be at least 1. Found {name}={value}.")
        self.inputs, self.degree, self.embedding_size = inputs, degree, inputs * degree

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, inputs · degree]``."""
        within = x.flatten(1).clamp(-WITHIN, WITHIN)
        return torch.cat([within**power for power in range(1, self.degree + 1)], 1)


__all__ = ["Powers"]
