"""Trunks: networks that give embeddings, of which larger networks are made."""

from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.initialise import initialise
from quickstudy.models.mlp import MLP
from quickstudy.random import generator

GRID = 4
"""A gate sees images as the means over a grid of so many rows and columns."""


def embedding_size_of(model: nn.Module, given: int | None) -> int:
    """``given``, or the length of the embeddings that ``model`` says as its ``embedding_size``.

    Raises:
        UserError: If neither is known.
    """
    size = given if given is not None else getattr(model, "embedding_size", None)
    require(
        size is not None, "Parameter `embedding_size` is needed: this model does not say its own."
    )
    return int(size or 0)


def outputs_of(model: nn.Module) -> int | None:
    """Give the number of outputs that ``model`` says as its ``outputs`` or ``way``, if it does."""
    found = getattr(model, "outputs", getattr(model, "way", None))
    return found if isinstance(found, int) else None


def copies(trunk: nn.Module, count: int, seed: int) -> nn.ModuleList:
    """``trunk`` itself, and ``count − 1`` copies of it whose linear and convolutional layers are
    drawn afresh.

    Raises:
        UserError: If the trunk is one of the library's with a head.
    """
    require(
        not isinstance(getattr(trunk, "head", None), nn.Linear),
        "Parameter `trunk` should give embeddings: MLP(outputs=None), Conv4(way=None). Found "
        f"{type(trunk).__name__} with a head.",
    )
    others = [deepcopy(trunk) for _ in range(count - 1)]
    for index, other in enumerate(others):
        initialise(
            other,
            generator(seed, "trunk", index),
            trunk.init if isinstance(trunk, MLP) else "default",
        )
    return nn.ModuleList([trunk, *others][:count])


class Gate(nn.Module):
    """How much each of several experts counts for an example: ``softmax(W x + b)``.

    Args:
        inputs: Length of what the linear layer sees.
        choices: Number of experts.
        grid: Give the linear layer an image's means over a grid of so many rows and columns; by
            default everything, flattened.
    """

    def __init__(self, inputs: int, choices: int, grid: int | None = None) -> None:
        super().__init__()
        self.inputs, self.choices, self.grid = inputs, choices, grid
        self.linear = nn.Linear(inputs, choices)

    def forward(self, x: Tensor) -> Tensor:
        """The shares ``[example, expert]`` for ``x`` ``[example, *feature]``."""
        seen = x if self.grid is None else F.adaptive_avg_pool2d(x, self.grid)
        shares: Tensor = self.linear(seen.flatten(1)).softmax(1)
        return shares


def gate_for(trunk: nn.Module, choices: int, given: int | None) -> Gate:
    """A gate on the inputs of ``trunk``: the flattened input, or of images ``[example, channel,
    height, width]`` their means on a grid.

    Args:
        trunk: Says the length of its flattened ``inputs``, or its ``in_channels``.
        choices: Number of experts.
        given: The length of the flattened input, where the trunk says neither.

    Raises:
        UserError: If the length is not known.
    """
    inputs, channels = given or getattr(trunk, "inputs", None), getattr(trunk, "in_channels", None)
    require(
        inputs is not None or channels is not None,
        "Parameter `gate_inputs`, the length of a flattened input, is needed: this trunk "
        "does not say its own.",
    )
    return (
        Gate(int(channels or 0) * GRID**2, choices, GRID)
        if inputs is None
        else Gate(int(inputs), choices)
    )


def mix(shares: Tensor, given: list[Tensor]) -> Tensor:
    """``Σ_i shares[:, i] · given_i``, each of the given ``[example, *embedding]``."""
    return torch.einsum("ei,ie...->e...", shares, torch.stack(given))


__all__ = ["Gate", "copies", "embedding_size_of", "gate_for", "mix"]
