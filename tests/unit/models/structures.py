"""Trunks that the tests of sharing structures are made of."""

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs


def vectors() -> nn.Module:
    return qs.models.MLP(4, None, hidden=(6, 5), init="truncated_normal")


def images() -> nn.Module:
    return qs.models.Conv4(None, channels=2, image_size=16)


def own() -> nn.Module:
    """A network that says nothing of itself."""
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh())


SHAPES = {vectors: (4,), images: (1, 16, 16)}
trunks = pytest.mark.parametrize("trunk", SHAPES, ids=lambda trunk: trunk.__name__)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=qs.generator(0, "test"))


SMALL = {"widths": (2, 3, 4, 5)}
SIZED = {
    "conv4": ({"channels": 3}, (3, 32, 32)),
    "resnet10": (SMALL, (3, 40, 32)),
    "resnet12": (SMALL, (1, 32, 32)),
    "mlp": ({}, (7,)),
    "powers": ({}, (3, 2)),
    "expansion": ({"products": ((0, 1),)}, (7,)),
    "multi_target": ({"targets": (0, 2)}, (7,)),
    "mixture_of_experts": ({}, (7,)),
    "layered_experts": ({"trunk": "resnet12"}, (3, 16, 16)),
    "cross_stitch": ({}, (1, 28, 28)),
    "unet": ({"channels": 2}, (3, 17, 30)),
    "with_head": ({"trunk": "mlp"}, (7,)),
    "frozen": ({"trunk": "conv4"}, (3, 28, 28)),
}
"""Options and the shape of an example for every model of the registry."""
