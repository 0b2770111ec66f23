"""DropBlock: its expectation, the squares it drops, and its limits."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import vmap

import quickstudy as qs
from quickstudy.models import DropBlock
from quickstudy.random import ambient


def dropped(module: DropBlock, x: Tensor, step: int = 0) -> Tensor:
    with ambient(0, "drop_block", step):
        return module(x)


def covering(side: int, block: int) -> list[int]:
    """How many intervals of length ``block`` in ``0 … side−1`` cover each place, by counting."""
    starts = range(side - block + 1)
    return [sum(start <= place < start + block for start in starts) for place in range(side)]


@pytest.mark.parametrize(
    ("block", "height", "width"), [(1, 4, 5), (2, 4, 5), (3, 7, 7), (5, 5, 8), (9, 3, 6)]
)
def test_every_place_keeps_its_mean_and_its_closed_form_of_the_variance(block, height, width):
    rate, num = 0.3, 20_000
    y = dropped(DropBlock(rate, block), torch.ones(num, 1, height, width, dtype=torch.float64))
    size = min(block, height, width)
    corners = (height - size + 1) * (width - size + 1)
    gamma = rate / size**2 * height * width / corners
    count = torch.outer(torch.tensor(covering(height, size)), torch.tensor(covering(width, size)))
    kept = (1 - gamma) ** count.double()
    variance = 1 / kept - 1
    errors = (y.mean(0)[0] - 1) / (variance / num).sqrt()
    assert errors.abs().max() < 4.5
    torch.testing.assert_close(y.var(0)[0], variance, rtol=0.06, atol=0)
    assert {round(v, 9) for v in y.unique().tolist()} <= {
        0.0, *(round(v, 9) for v in (1 / kept).unique().tolist())
    }  # fmt: skip


def test_blocks_of_one_are_dropout():
    y = dropped(DropBlock(0.25, 1), torch.ones(50, 40, 10, 10))
    assert sorted(y.unique().tolist()) == pytest.approx([0, 1 / 0.75])
    assert y.eq(0).double().mean().item() == pytest.approx(0.25, abs=0.005)


def test_the_share_that_is_dropped_is_about_the_rate_and_it_falls_in_whole_squares():
    y = dropped(DropBlock(0.05, 3), torch.ones(40, 20, 20, 20))
    zeros = y.eq(0).float()
    assert zeros.mean().item() == pytest.approx(0.05, rel=0.1)
    # every zero lies in a full square of zeros: opening by a square changes nothing
    eroded = 1 - F.max_pool2d(1 - zeros, 3, stride=1)
    assert torch.equal(F.max_pool2d(F.pad(eroded, (2,) * 4), 3, stride=1), zeros)


def test_a_map_of_the_size_of_a_square_is_dropped_as_a_whole():
    y = dropped(DropBlock(0.2, 5), torch.ones(500, 20, 5, 5))
    whole = y.flatten(2)
    assert torch.equal(whole.amin(2), whole.amax(2))
    assert whole[..., 0].eq(0).double().mean().item() == pytest.approx(0.2, abs=0.01)


def test_it_is_the_identity_in_evaluation_mode_and_at_rate_zero():
    x = torch.randn(2, 3, 6, 6, generator=qs.generator(0, "x"))
    assert DropBlock(0.5).eval()(x) is x and DropBlock(0.0)(x) is x


def test_the_ambient_generator_decides():
    x = torch.ones(2, 3, 8, 8)
    module = DropBlock(0.5, 2)
    assert torch.equal(dropped(module, x), dropped(module, x))
    assert not torch.equal(dropped(module, x), dropped(module, x, 1))
    with ambient(0, "drop_block"):
        before = torch.get_rng_state()
        module.eval()(x)
        assert torch.equal(before, torch.get_rng_state())


def test_mapped_over_tasks_each_draws_its_own():
    module, x = DropBlock(0.5, 2), torch.ones(8, 4, 3, 8, 8)
    with ambient(0, "drop_block"):
        y = vmap(module, randomness="different")(x)
    assert y.shape == x.shape
    masks = y.eq(0).flatten(1)
    assert len(masks.unique(dim=0)) == 8
    assert y.mean().item() == pytest.approx(1, abs=0.05)


def test_its_gradient_is_the_factor_of_every_value():
    x = torch.randn(2, 3, 8, 8, generator=qs.generator(0, "x")).requires_grad_()
    y = dropped(DropBlock(0.3, 2), x)
    [gradient] = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient * x, y)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_dtype_is_that_of_the_input_and_small_rates_survive_half_precision(dtype):
    y = dropped(DropBlock(0.001, 1), torch.ones(20, 10, 50, 50, dtype=dtype))
    assert y.dtype == dtype
    assert y.eq(0).double().mean().item() == pytest.approx(0.001, rel=0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0,), r"`rate` should be in \[0, 1\). Found rate=1.0."),
        ((-0.1,), r"`rate` should be in \[0, 1\). Found rate=-0.1."),
        ((0.1, 0), "`block` should be at least 1. Found block=0."),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        DropBlock(*arguments)


def test_it_says_its_parameters():
    assert repr(DropBlock(0.2, 3)) == "DropBlock(rate=0.2, block=3)"
