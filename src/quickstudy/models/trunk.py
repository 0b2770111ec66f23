"""Trunks: networks that give embeddings, of which larger networks are made."""

from collections.abc import Iterable
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.initialise import Scheme, initialise
from quickstudy.models.mlp import MLP
from quickstudy.models.protocol import Traits, traits
from quickstudy.random import generator

GRID = 4
"""A gate sees an image as its means over a grid of this many rows and columns."""


def embedding_size_of(model: nn.Module, given: int | None) -> int:
    """Give the length of the embeddings of ``model``: ``given``, or the one that the model says.

    Raises:
        UserError: If neither is known.
    """
    size = traits(model).embedding_size if given is None else given
    require(
        size is not None, "Parameter `embedding_size` is needed: this model does not say its own."
    )
    return int(size or 0)


def copies(trunk: nn.Module, count: int, seed: int) -> nn.ModuleList:
    """Give ``trunk`` itself and ``count − 1`` copies of it.

    The linear and convolutional layers of the copies are drawn afresh.

    Raises:
        UserError: If the trunk is one of the library's with a head.
    """
    _check_headless(trunk)
    others = [_redrawn(trunk, seed, index) for index in range(count - 1)]
    return nn.ModuleList([trunk, *others][:count])


def _check_headless(trunk: nn.Module) -> None:
    """Raise if the trunk says that it gives scores."""
    require(
        traits(trunk).gives not in ("scores", "dense_scores"),
        "Parameter `trunk` should give embeddings: MLP(outputs=None), Conv4(way=None). Found "
        f"{type(trunk).__name__} with a head.",
    )


def _redrawn(trunk: nn.Module, seed: int, index: int) -> nn.Module:
    """Make copy number ``index`` of a trunk, with weights that are drawn as the trunk's are."""
    copy = deepcopy(trunk)
    initialise(copy, generator(seed, "trunk", index), _scheme(trunk))
    return copy


def _scheme(trunk: nn.Module) -> Scheme:
    """Say how the weights of a trunk are drawn."""
    return trunk.init if isinstance(trunk, MLP) else "default"


class Gate(nn.Module):
    """Say how much each of several experts counts for an example.

    The shares are ``softmax(W x + b)``.

    Args:
        inputs: Number of inputs of the linear layer.
        choices: Number of experts.
        grid: If given, the linear layer sees the means of an image over a grid of this many rows
            and columns; by default it sees the whole input, flattened.
    """

    def __init__(self, inputs: int, choices: int, grid: int | None = None) -> None:
        super().__init__()
        self.inputs, self.choices = inputs, choices
        self.grid = grid
        self.linear = nn.Linear(inputs, choices)

    def forward(self, x: Tensor) -> Tensor:
        """Give the shares ``[example, expert]`` for ``x`` ``[example, *feature]``."""
        shares: Tensor = self.linear(self._inputs_of(x)).softmax(1)
        return shares

    def _inputs_of(self, x: Tensor) -> Tensor:
        """Give the inputs of the linear layer ``[example, input]``."""
        seen = x if self.grid is None else F.adaptive_avg_pool2d(x, self.grid)
        return seen.flatten(1)


def gate_for(trunk: nn.Module, choices: int, given: int | None) -> Gate:
    """Make a gate on the inputs of ``trunk``.

    The gate sees the flattened input, or the means on a grid if the trunk takes images.

    Args:
        trunk: A network that says the length of its flattened ``inputs``, or its ``in_channels``.
        choices: Number of experts.
        given: The length of the flattened input, needed if the trunk says neither.

    Raises:
        UserError: If the length is not known.
    """
    said = traits(trunk)
    inputs = given or said.inputs
    if inputs is None:
        return Gate(_channels(said) * GRID**2, choices, GRID)
    return Gate(inputs, choices)


def _channels(said: Traits) -> int:
    """Give the channels of the images that a trunk without ``inputs`` takes."""
    require(
        said.in_channels is not None,
        "Parameter `gate_inputs`, the length of a flattened input, is needed: this trunk "
        "does not say its own.",
    )
    return said.in_channels or 0


def outputs_of(experts: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """Give the output of each expert ``[example, *embedding]`` for ``x``."""
    return [expert(x) for expert in experts]


def mix(shares: Tensor, given: list[Tensor]) -> Tensor:
    """Sum the outputs of experts, weighted by the shares of each example.

    Args:
        shares: ``[example, expert]``.
        given: The output of each expert ``[example, *embedding]``.
    """
    return torch.einsum("ei,ie...->e...", shares, torch.stack(given))


__all__ = ["Gate", "copies", "embedding_size_of", "gate_for", "mix", "outputs_of"]
