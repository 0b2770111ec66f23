"""The residual block, by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import quickstudy as qs
from quickstudy.models.residual import Every, Residual, conv_norm, projection


class Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.factor * x


def test_a_block_is_the_end_of_the_sum():
    x = torch.randn(2, 3, 4, 4, generator=qs.generator(0, "x"))
    torch.testing.assert_close(Residual(Scale(-3), nn.Identity(), nn.ReLU())(x), (-2 * x).relu())


@pytest.mark.parametrize(("size", "stride"), [(1, 1), (3, 1), (3, 2), (7, 2)])
def test_a_convolution_without_bias_keeps_or_halves_the_size(size, stride):
    layers = nn.Sequential(*conv_norm(2, 5, size, stride))
    assert layers(torch.zeros(3, 2, 9, 8)).shape == (3, 5, -(-9 // stride), -(-8 // stride))
    assert sum(p.numel() for p in layers.parameters()) == 2 * 5 * size**2 + 2 * 5


def test_a_projection_is_a_strided_convolution():
    x = torch.randn(2, 3, 7, 8, generator=qs.generator(0, "x"))
    for stride, layers in ((1, projection(3, 5)), (2, projection(3, 5, 2))):
        convolution = layers[-2]
        expected = layers[-1](F.conv2d(x, convolution.weight, stride=stride))
        torch.testing.assert_close(layers(x), expected)
    assert torch.equal(Every(3)(x), x[:, :, [0, 3, 6]][..., [0, 3, 6]])


def test_few_channels_that_come_last_leave_memory_whole():
    """Its strided convolution would abort the process, see :func:`projection`."""
    layers = projection(2, 3, 2)
    x = torch.zeros(6, 2, 16, 16).contiguous(memory_format=torch.channels_last)
    for _ in range(60):
        layers(x).sum().backward()
