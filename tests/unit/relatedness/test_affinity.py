"""Affinities of quadratics in closed form, and their limit for short steps."""

import pytest
import torch

import quickstudy as qs
from quickstudy.relatedness import MEASURES, affinity, affinity_with, cosines
from quickstudy.relatedness.affinity import affinity_products
from quickstudy.relatedness.halves import halves
from tests.unit.relatedness.linear import THETA, WEIGHTS, line, noisy, quadratics


def test_the_affinity_of_quadratics():
    """A step on ``s`` goes to ``θ − 2 lr (θ − w_s)``, and ``L_t = ‖· − w_t‖²``."""
    batch, lr = quadratics(), 0.1
    moved = THETA - 2 * lr * (THETA - WEIGHTS)
    after = (moved.unsqueeze(1) - WEIGHTS).square().sum(-1)
    expected = 1 - after / (THETA - WEIGHTS).square().sum(-1)
    assert torch.allclose(affinity(line(), batch, batch.mask, batch.mask, lr), expected)


def test_a_task_without_a_loss_has_affinity_zero_or_is_only_made_worse():
    """The probe solves the first task: nothing can fall there, and its own gradient is 0."""
    batch = quadratics()
    solved = line()
    with torch.no_grad():
        solved.weight.copy_(WEIGHTS[0])
    found = affinity(solved, batch, batch.mask, batch.mask)
    assert not found[:, 0].any() and not found[0].any()
    assert found[1, 1] > 0


def test_products_are_the_fall_in_units_of_both_losses():
    """``Z_st L_t / √(L_s L_t)``, with the step and ``L_t`` on the rows of either half."""
    batch, lr = noisy(), 0.05
    split = halves(batch.mask, torch.arange(4), 2)
    residual = ((batch.x @ THETA).unsqueeze(-1) - batch.y).squeeze(-1).square()
    mean = lambda rows: (residual * rows).sum(-1) / rows.sum(-1).clamp(min=1)  # noqa: E731
    fall = affinity(line(), batch, split[1, 0], split[1, 1], lr) * mean(split[1, 1])
    unit = mean(batch.mask).rsqrt()
    expected = fall * torch.outer(unit, unit)
    assert torch.allclose(affinity_products(line(), batch, split, lr)[1, 0, 1], expected)
    assert torch.equal(
        affinity_with(lr)(line(), batch, split), affinity_products(line(), batch, split, lr)
    )


def test_short_steps_have_the_affinity_of_gradients():
    batch = noisy()
    split = halves(batch.mask, torch.arange(4), 2)
    steps = cosines(affinity_products(line(), batch, split, lr=1e-7))
    gradients = cosines(MEASURES["gradient"](line(), batch, split))
    # the others have halves of one row or none
    big = slice(0, 2)
    for half in (0, 1):
        found, expected = steps[:, half, half, big, big], gradients[:, half, half, big, big]
        assert torch.allclose(found, expected, atol=1e-5)


def test_a_step_of_no_length_is_refused():
    batch = noisy()
    with pytest.raises(qs.UserError, match=r"`lr` should be positive. Found lr=0\.0"):
        affinity(line(), batch, batch.mask, batch.mask, lr=0.0)
