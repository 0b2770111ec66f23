"""Linear tasks whose losses, gradients and posteriors are known in closed form."""

import math

import torch
from torch import nn

import quickstudy as qs

DOUBLE = torch.float64
WEIGHTS = torch.tensor(
    [[1.0, 0.0, 2.0], [-1.0, 0.5, 0.0], [0.3, 0.3, 0.3], [2.0, -1.0, 1.0]], dtype=DOUBLE
)
"""The weights of four tasks."""
THETA = torch.tensor([0.5, -0.2, 0.1], dtype=DOUBLE)
"""The weights of the probe."""
ROWS = (9, 5, 3, 1)
"""The real rows of the four noisy tasks."""


def line() -> nn.Module:
    """The probe."""
    model = nn.Linear(3, 1, bias=False, dtype=DOUBLE)
    with torch.no_grad():
        model.weight.copy_(THETA)
    return model


def quadratics() -> qs.Batch:
    """Tasks ``y = w_t x`` whose inputs have mean square 1 and no correlation.

    So ``L_t(θ) = ‖θ − w_t‖²``.
    """
    x = math.sqrt(3) * torch.eye(3, dtype=DOUBLE).expand(4, 3, 3)
    return qs.Batch(x, x @ WEIGHTS.unsqueeze(-1), torch.ones(4, 3, dtype=DOUBLE))


def noisy() -> qs.Batch:
    """Tasks ``y = w_t x + ε`` of different sizes."""
    draw = qs.generator(0, "noisy")
    x = torch.randn(4, 9, 3, generator=draw, dtype=DOUBLE)
    noise = torch.randn(4, 9, 1, generator=draw, dtype=DOUBLE)
    mask = (torch.arange(9) < torch.tensor(ROWS).unsqueeze(1)).to(DOUBLE)
    return qs.Batch(x, x @ WEIGHTS.unsqueeze(-1) + noise, mask)
