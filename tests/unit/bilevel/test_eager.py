"""Losses that come with their gradient: how often they are computed, and from which state."""

import pytest
import torch
from torch import Tensor

from quickstudy.bilevel.eager import eager
from tests.laws.battery import close
from tests.unit.bilevel.problems import Ridge


class Counted:
    """Losses ``(a x)²`` of three tasks with random ``x``, and how often they are computed."""

    def __init__(self) -> None:
        self.runs: list[bool] = []

    def __call__(self, meta: dict, wanted: bool):
        self.runs.append(wanted)
        x = torch.rand(3, dtype=torch.float64)
        square = (meta["a"] * x).square()
        return square, {"x": x}, lambda outer: [(outer * 2 * meta["a"] * x.square()).sum()]


def outer_tensor() -> Tensor:
    return torch.tensor(2.0, dtype=torch.float64, requires_grad=True)


def test_losses_that_weigh_the_same_are_computed_once():
    run, a = Counted(), outer_tensor()
    losses, state = eager(run, {"a": a})
    (5 * losses.mean()).backward()
    assert run.runs == [True]
    close(a.grad, 5 * 4 * state["x"].square().mean())


def test_losses_that_weigh_differently_are_computed_again_from_the_same_random_state():
    run, a = Counted(), outer_tensor()
    losses, state = eager(run, {"a": a})
    torch.rand(7)
    before = torch.get_rng_state()
    (losses * torch.arange(3)).sum().backward()
    assert run.runs == [True, True] and torch.equal(torch.get_rng_state(), before)
    close(a.grad, 4 * (state["x"].square() * torch.arange(3)).sum())


@pytest.mark.parametrize("constant", [True, False])
def test_without_a_gradient_none_is_asked_for(constant):
    run, a = Counted(), outer_tensor().detach().requires_grad_(not constant)
    with torch.set_grad_enabled(constant):
        losses, _ = eager(run, {"a": a})
    assert run.runs == [False] and not losses.requires_grad


def test_the_gradient_has_no_derivative():
    a, weight = outer_tensor(), outer_tensor()
    losses, _ = eager(Counted(), {"a": a})
    (slope,) = torch.autograd.grad((losses * weight).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.backward()


def test_autocast_is_the_same_when_computed_again():
    dtypes = []

    def run(meta: dict, wanted: bool):
        product = meta["a"].expand(3, 1) @ torch.ones(1, 1)
        dtypes.append(product.dtype)
        return product.squeeze(1).float(), {}, lambda outer: [outer.sum()]

    a = torch.tensor(2.0, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        losses, _ = eager(run, {"a": a})
    (losses * torch.arange(3)).sum().backward()
    assert dtypes == [torch.bfloat16] * 2


@pytest.mark.parametrize("outer_gradient", ["stepwise", "implicit", "neumann"])
def test_backward_may_be_called_again_and_leaves_random_numbers_as_they_are(outer_gradient):
    ridge = Ridge((2,))
    torch.manual_seed(3)
    solution, r = ridge.solve(40, 0.15, outer_gradient), ridge.meta["r"]
    before = torch.get_rng_state()
    each = [torch.autograd.grad(loss, r, retain_graph=True)[0] for loss in solution.loss]
    close(sum(each), torch.autograd.grad(solution.loss.sum(), r)[0])
    assert torch.equal(torch.get_rng_state(), before)
