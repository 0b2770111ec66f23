"""Channels-last: the layout of weights, and that values stay."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy.models.layout import channels_last


class Special(nn.Conv2d):
    """A convolution of a user's own."""


def is_channels_last(weight: torch.Tensor) -> bool:
    return weight.is_contiguous(memory_format=torch.channels_last)


def test_convolutions_change_their_layout_and_subclasses_do_not():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), Special(4, 5, 3))
    before = [parameter.clone() for parameter in model.parameters()]
    channels_last(model)
    assert is_channels_last(model[0].weight) and not is_channels_last(model[1].weight)
    assert all(map(torch.equal, before, model.parameters()))
    channels_last(model, Special)
    assert is_channels_last(model[1].weight)


def test_the_networks_of_the_library_have_it():
    for model in (
        qs.models.Conv4(),
        qs.models.ResNet12(widths=(2, 3, 4, 5)),
        qs.models.ResNet10(widths=(2, 3, 4, 5)),
        qs.models.UNet(3, 2),
    ):
        weights = [m.weight for m in model.modules() if isinstance(m, nn.Conv2d)]
        assert all(map(is_channels_last, weights)), type(model)
