"""Initial weights drawn from an explicit generator."""

import math
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import nn

from quickstudy.errors import require

Scheme = Literal["default", "truncated_normal"]
Layer = nn.Linear | nn.modules.conv._ConvNd
Draw = Callable[[Layer, torch.Generator], None]
"""Draws the weight and bias of a layer afresh, in place."""


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator, scheme: Scheme = "default") -> None:
    """Draw the weights of all linear and convolutional layers of ``model`` afresh, in place.

    ``"default"``: ``U[−1/√fan_in, 1/√fan_in]`` for weights and biases, which is torch's default.
    ``"truncated_normal"``: ``N(0, 0.01²)`` cut at two deviations, biases 0, as in the code of
    MAML's sinusoid experiment.

    Raises:
        UserError: If ``scheme`` is unknown.
    """
    draw = _drawing(scheme)
    for layer in _layers(model):
        draw(layer, generator)


def _layers(model: nn.Module) -> Iterator[Layer]:
    """Give the linear and convolutional layers of ``model``."""
    for module in model.modules():
        if isinstance(module, Layer):
            yield module


def _drawing(scheme: Scheme) -> Draw:
    """Find the function that draws a layer."""
    require(
        scheme in _SCHEMES,
        f"Parameter `init` should be one of {', '.join(_SCHEMES)}. Found {scheme!r}.",
    )
    return _SCHEMES[scheme]


def _default(layer: Layer, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(layer.weight[0].numel())
    for values in (layer.weight, layer.bias):
        if values is not None:
            nn.init.uniform_(values, -bound, bound, generator=generator)


def _truncated_normal(layer: Layer, generator: torch.Generator) -> None:
    nn.init.trunc_normal_(layer.weight, std=0.01, a=-0.02, b=0.02, generator=generator)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


_SCHEMES: dict[str, Draw] = {"default": _default, "truncated_normal": _truncated_normal}

__all__ = ["Scheme", "initialise"]
