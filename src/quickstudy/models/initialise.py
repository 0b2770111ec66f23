"""Initial weights drawn from an explicit generator."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from quickstudy.errors import require

Scheme = Literal["default", "truncated_normal"]


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator, scheme: Scheme = "default") -> None:
    """Draw the weights of all linear and convolutional layers of ``model`` afresh, in place.

    ``"default"``: ``U[−1/√fan_in, 1/√fan_in]`` for weights and biases, which is torch's default.
    ``"truncated_normal"``: ``N(0, 0.01²)`` cut at two deviations, biases 0, as in the code of
    MAML's sinusoid experiment.

    Raises:
        UserError: If ``scheme`` is unknown.
    """
    require(
        scheme in _SCHEMES,
        f"Parameter `init` should be one of {', '.join(_SCHEMES)}. Found {scheme!r}.",
    )
    draw = _SCHEMES[scheme]
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
            draw(module.weight, module.bias, generator)


def _default(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    bound = 1 / math.sqrt(weight[0].numel())
    nn.init.uniform_(weight, -bound, bound, generator=generator)
    if bias is not None:
        nn.init.uniform_(bias, -bound, bound, generator=generator)


def _truncated_normal(weight: Tensor, bias: Tensor | None, generator: torch.Generator) -> None:
    nn.init.trunc_normal_(weight, std=0.01, a=-0.02, b=0.02, generator=generator)
    if bias is not None:
        nn.init.zeros_(bias)


_SCHEMES = {"default": _default, "truncated_normal": _truncated_normal}

__all__ = ["Scheme", "initialise"]
