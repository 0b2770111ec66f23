"""Inputs and their powers: the features of a polynomial."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from quickstudy.errors import require_at_least
from quickstudy.models.protocol import Gives

WITHIN = 4.0
"""The largest size of an input; beyond it the input is clamped."""


class Powers(nn.Module):
    """Give inputs and their powers, with nothing to learn.

    The features of ``x`` are ``[x, x², …, x^degree]``. Inputs should be scaled (mean 0, standard
    deviation 1). They are clamped to ±4, so that a power does not run away.

    Args:
        inputs: Length of the flattened input.
        degree: The highest power; 1 gives the clamped inputs.

    Raises:
        UserError: If a number is below 1.

    Example:
        >>> import torch, quickstudy as qs
        >>> qs.models.Powers(2, degree=2)(torch.tensor([[1.0, -3.0]]))
        tensor([[ 1., -3.,  1.,  9.]])
    """

    takes: ClassVar = "vectors"
    can_give: ClassVar[tuple[Gives, ...]] = ("embeddings",)
    gives: ClassVar[Gives] = "embeddings"

    def __init__(self, inputs: int, degree: int = 2) -> None:
        super().__init__()
        require_at_least(1, inputs=inputs, degree=degree)
        self.inputs, self.degree = inputs, degree
        self.embedding_size = inputs * degree

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to the powers of each, by degree ``[example, feature]``."""
        within = x.flatten(1).clamp(-WITHIN, WITHIN)
        return torch.cat([within**power for power in range(1, self.degree + 1)], 1)


__all__ = ["Powers"]
