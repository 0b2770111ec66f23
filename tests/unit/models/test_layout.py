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


class Downsampling(nn.Module):
    """A network that strides in a 1×1 convolution of few channels, as many residual ones do."""

    def __init__(self, channels: int = 3, stride: int = 2) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, 32, 1, stride, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)).mean((2, 3))


def test_a_strided_1x1_convolution_of_few_channels_keeps_its_model_contiguous():
    for model in (Downsampling(), Downsampling(15)):
        channels_last(model)
        assert model.first.weight.is_contiguous() and model.second.weight.is_contiguous()
    for model in (Downsampling(16), Downsampling(3, stride=1)):
        channels_last(model)
        assert is_channels_last(model.first.weight)


def test_the_gradients_of_such_a_convolution_are_right():
    """In channels-last order its backward pass writes past its memory and aborts the process.

    All weights are 1. The output is the mean over the 4 places that the stride keeps, so a weight
    of the second layer has the gradient ``1/4 Σ h`` over these places of the first layer's maps.
    The middle of a filter of the first layer has ``32/4 Σ x`` over the same places.
    """
    model = Downsampling()
    channels_last(model)
    nn.init.ones_(model.first.weight)
    nn.init.ones_(model.second.weight)
    x = torch.rand(6, 2, 4, 4, generator=qs.generator(0, "x"))
    for _ in range(60):
        model.zero_grad()
        model(x).sum().backward()
    sums = nn.functional.conv2d(x.double(), torch.ones(1, 2, 3, 3).double(), padding=1)
    by_second = sums[..., ::2, ::2].sum() / 4
    torch.testing.assert_close(
        model.second.weight.grad, by_second.float().expand(32, 3, 1, 1).contiguous()
    )
    centre = 32 / 4 * x.double()[..., ::2, ::2].sum((0, 2, 3))
    torch.testing.assert_close(
        model.first.weight.grad[..., 1, 1], centre.float().expand(3, 2).contiguous()
    )


def test_a_gradient_learner_leaves_such_a_network_contiguous():
    learner = qs.MAML(Downsampling(), 0.01)
    assert learner.model.first.weight.is_contiguous()
