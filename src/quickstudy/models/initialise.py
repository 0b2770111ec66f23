"""Initial weights drawn from an explicit generator."""

import math
from typing import Literal, get_args

import torch
from torch import nn

from quickstudy.errors import require

Scheme = Literal["default", "truncated_normal"]


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator, scheme: Scheme = "default") -> None:
    """Draw the weights of all linear and convolutional layers of ``model`` afresh, in place.

    ``"default"``: U[−1/√fan_in, 1/√fan_in] for weights and biases, which is torch's default.
    ``"truncated_normal"``: N(0, 0.01²) cut at two deviations, biases 0, as in MAML's sinusoid code.
    """
    schemes = get_args(Scheme)
    require(
        scheme in schemes,
        f"Parameter `init` should be one of {', '.join(schemes)}. Found {scheme!r}.",
    )
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd):
            if scheme == "truncated_normal":
                nn.init.trunc_normal_(module.weight, std=0.01, a=-0.02, b=0.02, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            else:
                bound = 1 / math.sqrt(module.weight[0].numel())
                nn.init.uniform_(module.weight, -bound, bound, generator=generator)
                if module.bias is not None:
                    nn.init.uniform_(module.bias, -bound, bound, generator=generator)
