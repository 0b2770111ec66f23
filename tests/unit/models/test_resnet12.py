"""ResNet-12: the published number of parameters, its blocks written out, and where it drops."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.models import DropBlock, ResNet12


def parameters_of_block(before: int, after: int) -> int:
    """Three 3×3 convolutions, one of 1×1, none with a bias, and four batch norms."""
    return 9 * after * (before + 2 * after) + before * after + 4 * 2 * after


@pytest.mark.parametrize("widths", [(64, 160, 320, 640), (64, 128, 256, 512)])
def test_number_of_parameters(widths):
    expected = sum(map(parameters_of_block, (3, *widths[:-1]), widths))
    assert sum(p.numel() for p in ResNet12(widths=widths).parameters()) == expected


def test_the_default_has_the_published_number():
    assert sum(p.numel() for p in ResNet12().parameters()) == 12_424_320  # "12.4 M"
    assert sum(p.numel() for p in ResNet12(way=5).parameters()) == 12_424_320 + 5 * 641


@pytest.mark.parametrize(("size", "side"), [(84, 5), (80, 5), (32, 2), (16, 1), (31, 1)])
def test_four_poolings(size, side):
    model = ResNet12(None, (2, 3, 4, 5), image_size=size, maps=True)
    assert model(torch.zeros(2, 3, size, size)).shape == (2, 5, side, side)


def normed(x: Tensor, convolution: nn.Module, norm: nn.Module, padding: int) -> Tensor:
    x = F.conv2d(x, convolution.weight, padding=padding)
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


def test_a_network_written_out():
    model = ResNet12(3, (2, 3, 4, 5)).eval()
    generator = qs.generator(0, "model")
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, generator=generator)
            nn.init.uniform_(module.running_var, 0.5, 2, generator=generator)
    images = x = torch.randn(2, 3, 33, 33, generator=generator)
    for block in model.blocks:
        one, two, three = (block.body[i : i + 2] for i in (0, 3, 6))
        inner = F.leaky_relu(normed(x, *one, 1), 0.1)
        inner = F.leaky_relu(normed(inner, *two, 1), 0.1)
        inner = normed(inner, *three, 1) + normed(x, *block.shortcut, 0)
        x = F.max_pool2d(F.leaky_relu(inner, 0.1), 2)  # as in the paper, pooling last
    torch.testing.assert_close(model(images), model.head(x.mean((2, 3))))


def test_only_the_last_two_blocks_drop():
    model = ResNet12(None, (2, 3, 4, 5), drop_rate=0.2, block_size=3)
    blocks = [[m for m in b.modules() if isinstance(m, DropBlock)] for b in model.blocks]
    assert [len(drops) for drops in blocks] == [0, 0, 1, 1]
    assert all((drop.rate, drop.block) == (0.2, 3) for drops in blocks for drop in drops)


def test_an_image_that_is_too_small_is_refused():
    with pytest.raises(qs.UserError, match="`image_size` should be at least 16"):
        ResNet12(image_size=15)
