"""A network of one weight, whose inner steps have a closed form.

The support loss is ``5/2 (w - 3)²`` and the query loss ``(w - 3)²``. With the inner rate 0.1, every
step halves the distance to 3. From ``w = 1`` the steps are at 2, 2.5, 2.75.
"""

from typing import Any

import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy import Batch, Episode

RATE = 0.1


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(1)


SUPPORT = Batch.of(column(1, 2), column(3, 6))
QUERY = Batch.of(column(1, 1), column(3, 3))
EPISODE = Episode(SUPPORT, QUERY, torch.tensor([0]), qs.Moment(0, "test"))


def slope(weight: float = 1.0) -> nn.Module:
    model = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(model.weight, weight)
    return model


def loss_and_gradients(learner: Any, episode: Episode = EPISODE) -> tuple[float, dict[str, float]]:
    """The loss of the one task, and its gradient by every parameter of one number."""
    learner.zero_grad()
    losses = learner.losses(episode)
    losses.sum().backward()
    named = {name: p.grad for name, p in learner.named_parameters() if p.grad is not None}
    return losses.item(), {name: gradient.item() for name, gradient in named.items()}


def close_to(values: Tensor, expected: float) -> None:
    torch.testing.assert_close(values, torch.full_like(values, expected))
