"""Gradients through the last inner steps, against the same steps by hand."""

import torch

from quickstudy.bilevel import InnerProblem
from quickstudy.bilevel.unrolled import first_order, truncated, unrolled
from tests.laws.battery import close
from tests.unit.bilevel.problems import NUM_DECAYS, NUM_OUTER, Network, gradients_of, weighted


class Halving(InnerProblem):
    """``w ← w/2`` from ``θ``, and the loss ``w²``: the loss after ``k`` steps is ``θ²/4ᵏ``."""

    def start(self, meta):
        return {"w": meta["theta"]}

    def step(self, state, meta, index, differentiable):
        halved = state["w"] / 2
        return {"w": halved if differentiable else halved.detach()}

    def objective(self, state, meta):
        return state["w"].square()

    def losses(self, state, meta):
        return state["w"].square()


def solved(function, *options):
    meta = {"theta": torch.tensor([3.0, 1.0], dtype=torch.float64, requires_grad=True)}
    losses, state = function(Halving(), meta, *options)
    if losses.requires_grad:
        weighted(losses).backward()
    return losses.detach(), state["w"].detach(), meta["theta"].grad


def test_losses_after_every_step_are_weighted():
    """``(1 + 2/4 + 5/16) θ²`` with weights 1, 2 and 5."""
    losses, end, slope = solved(unrolled, [1.0, 2.0, 5.0])
    theta, total = torch.tensor([3.0, 1.0], dtype=torch.float64), 1 + 2 / 4 + 5 / 16
    close(losses, total * theta.square())
    close(end, theta / 4)
    close(slope, 2 * total * theta * torch.tensor([1, 2]))


def test_losses_of_weight_zero_are_not_computed():
    problem = Halving()
    problem.losses = lambda state, meta: torch.where(state["w"] > 1, torch.nan, state["w"])
    losses, _ = unrolled(problem, {"theta": torch.tensor([3.0])}, [0.0, 0.0, 1.0])
    close(losses, torch.tensor([0.75]))


def test_steps_before_the_last_are_constants():
    weights = [0.0, 0.0, 0.0, 1.0]
    assert solved(truncated, weights, 3)[2] is not None
    assert solved(truncated, weights, 2)[2] is None
    assert solved(first_order, weights)[2] is None


def test_truncated_takes_only_the_last_steps():
    """By hand: five steps whose gradients are constants, then two that are followed."""
    net = Network()
    weights = net.start
    for index in range(7):
        loss = net.inner(weights, net.meta).sum()
        slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=index >= 5)
        pairs = zip(weights.items(), slopes, strict=True)
        weights = {name: weight - 0.1 * slope for (name, weight), slope in pairs}
    by_hand = torch.autograd.grad(weighted(net.outer(weights, net.meta)), net.tensors)
    close(gradients_of("truncated", 7, backward_steps=2)[1 : 1 + NUM_OUTER], list(by_hand))


def test_first_order_reaches_the_start_and_not_the_inner_loss():
    found = gradients_of("first_order", 7)[1 : 1 + NUM_OUTER]
    assert all((gradient == 0).all() for gradient in found[:NUM_DECAYS])
    assert any((gradient != 0).any() for gradient in found[NUM_DECAYS:])
