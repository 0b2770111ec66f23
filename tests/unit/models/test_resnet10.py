"""ResNet-10: its number of parameters, its sizes, and a block written out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import quickstudy as qs
from quickstudy.models import ResNet10


def parameters_of_block(before: int, after: int) -> int:
    """Two 3×3 convolutions and their norms; a projection if the width changes."""
    projection = before * after + 2 * after if before != after else 0
    return 9 * after * (before + after) + 2 * 2 * after + projection


@pytest.mark.parametrize(("stem", "taps"), [("7x7", 49), ("3x3", 9)])
def test_number_of_parameters(stem, taps):
    widths = (64, 128, 256, 512)
    expected = taps * 3 * 64 + 2 * 64 + sum(map(parameters_of_block, (64, *widths[:-1]), widths))
    assert sum(p.numel() for p in ResNet10(stem=stem).parameters()) == expected
    if stem == "7x7":
        assert expected == 4_905_792  # "4.9 M"


@pytest.mark.parametrize(
    ("stem", "size", "side"), [("7x7", 224, 7), ("7x7", 84, 3), ("3x3", 32, 4), ("3x3", 28, 4)]
)
def test_sizes(stem, size, side):
    model = ResNet10(None, (2, 2, 4, 5), stem=stem, maps=True)
    assert model(torch.zeros(2, 3, size, size)).shape == (2, 5, side, side)


def test_a_block_that_changes_nothing_has_the_identity_beside_it():
    model = ResNet10(widths=(4, 4, 8, 8)).eval()
    kinds = [isinstance(block.shortcut, nn.Identity) for block in model.blocks[1:]]
    assert kinds == [True, False, False, False]
    x = torch.randn(2, 4, 6, 6, generator=qs.generator(0, "x"))
    block = model.blocks[1]
    torch.testing.assert_close(block(x), F.relu(block.body(x) + x))


def test_an_unknown_stem_is_refused():
    with pytest.raises(qs.UserError, match="`stem` should be '7x7' or '3x3'"):
        ResNet10(stem="5x5")
