"""U-Net: full size for every size, its number of parameters, and a network written out."""

import pytest
import torch
import torch.nn.functional as F

import quickstudy as qs
from quickstudy.models import UNet


@pytest.mark.parametrize("height", [1, 2, 7, 16, 33])
@pytest.mark.parametrize("width", [1, 5, 16, 31])
def test_scores_have_the_size_of_the_image(height, width):
    x = torch.zeros(2, 3, height, width)
    assert UNet(4, 2)(x).shape == (2, 4, height, width)
    assert UNet(None, 2)(x).shape == (2, 2, height, width)


def two(before: int, after: int) -> int:
    """Two 3×3 convolutions without bias, and their norms."""
    return 9 * after * (before + after) + 4 * after


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_number_of_parameters(depth):
    widths = [6 * 2**level for level in range(depth + 1)]
    expected = two(3, 6) + sum(map(two, widths[:-1], widths[1:]))
    expected += sum(two(3 * width, width) for width in widths[:-1]) + 6 * 5 + 5
    assert sum(p.numel() for p in UNet(5, 6, depth).parameters()) == expected


def test_a_network_written_out():
    model = UNet(3, 2, depth=2).eval()
    x = torch.randn(2, 3, 9, 10, generator=qs.generator(0, "x"))
    down = model.encoder
    full = down[0](x)
    half = down[1](F.max_pool2d(full, 2, ceil_mode=True))
    quarter = down[2](F.max_pool2d(half, 2, ceil_mode=True))
    assert [tuple(maps.shape[2:]) for maps in (half, quarter)] == [(5, 5), (3, 3)]
    rows = columns = torch.tensor([0, 0, 1, 1, 2])  # 3 places repeated to 5
    half = model.decoder[0](torch.cat([half, quarter[..., rows[:, None], columns]], 1))
    rows, columns = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3, 4]), torch.arange(10) // 2
    full = model.decoder[1](torch.cat([full, half[..., rows[:, None], columns]], 1))
    head = torch.einsum("kc,echw->ekhw", model.head.weight[..., 0, 0], full)
    torch.testing.assert_close(model(x), head + model.head.bias[:, None, None])


def test_without_a_head_it_gives_the_maps_that_the_head_sees():
    x = torch.randn(2, 3, 9, 10, generator=qs.generator(0, "x"))
    scores, maps = UNet(3, 4).eval(), UNet(None, 4).eval()
    torch.testing.assert_close(scores(x), scores.head(maps(x)))
    assert (scores.gives, maps.gives) == ("dense_scores", "maps")
    assert maps.embedding_size == maps.feature_channels == 4


def test_a_pixel_sees_far():
    model = UNet(1, 4).eval()
    x = torch.randn(1, 3, 32, 32, generator=qs.generator(0, "x")).requires_grad_()
    [gradient] = torch.autograd.grad(model(x)[0, 0, 16, 16], x)
    size = gradient.abs().sum((0, 1))
    assert (size > 0).sum() > 20 * 20


@pytest.mark.parametrize("name", ["channels", "depth"])
def test_numbers_below_one_are_refused(name):
    with pytest.raises(qs.UserError, match=f"`{name}` should be at least 1. Found {name}=0."):
        UNet(**{name: 0})


def test_images_of_another_shape_are_refused():
    with pytest.raises(qs.UserError, match="in_channels=3"):
        UNet(2, 2)(torch.zeros(2, 1, 8, 8))
