"""The inner optimisers against torch's own, and the gradient that they pass on."""

import pytest
import torch

import quickstudy as qs
from quickstudy.bilevel.optimisers import Adam, inner_optimiser
from tests.laws.battery import close
from tests.unit.bilevel.problems import drawn

TORCH = {
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.1, momentum=0.9),
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.1),
}


@pytest.mark.parametrize("name", TORCH)
def test_five_steps_are_those_of_torch(name):
    """Adam's ε stands at another place, which changes 1e-8 of a step."""
    theirs = drawn(3, 2, name="weight").requires_grad_()
    optimizer = TORCH[name]([theirs])
    ours, mine = theirs.detach().clone(), inner_optimiser(name)
    slots = tuple(mine.start({"w": ours}).values())
    for index in range(5):
        theirs.grad = drawn(3, 2, name=f"gradient {index}")
        ours, *slots = mine.step(ours, theirs.grad, 0.1, tuple(slots), index)
        optimizer.step()
        close(ours, theirs.detach(), 1e-7)


def test_slots_start_at_zero_under_their_names():
    weights = {"a": torch.ones(2), "b": torch.ones(3, 1)}
    slots = inner_optimiser("adam").start(weights)
    assert list(slots) == ["first:a", "second:a", "first:b", "second:b"]
    assert slots["second:b"].shape == (3, 1) and not any(value.any() for value in slots.values())
    assert inner_optimiser("sgd").start(weights) == {}


def test_adam_has_a_derivative_where_the_gradient_is_zero():
    gradient = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    slots = (torch.zeros_like(gradient), torch.zeros_like(gradient))
    new = Adam().step(torch.ones_like(gradient), gradient, 0.1, slots, 0)[0]
    (slope,) = torch.autograd.grad(new.sum(), gradient)
    # w − rate · g / ε at the first step
    close(slope, torch.full((2,), -0.1 / 1e-8, dtype=torch.float64), 1e-6)


def test_every_entry_may_count_its_own_steps():
    gradient, count = torch.tensor([1.0, 1.0]), torch.tensor([0.0, 3.0])
    slots = (torch.tensor([0.0, 0.5]), torch.tensor([0.0, 0.2]))
    together = Adam().step(torch.zeros(2), gradient, 0.1, slots, count)
    for entry, steps in enumerate((0, 3)):
        own = tuple(slot[entry] for slot in slots)
        alone = Adam().step(torch.zeros(()), gradient[entry], 0.1, own, steps)
        close([value[entry] for value in together], list(alone), 1e-6)


def test_without_beta1_adam_goes_by_the_sign_of_the_first_gradient():
    """As in Reptile: ``m̂ = g`` and ``v̂ = g²``."""
    slots = (torch.zeros(2), torch.zeros(2))
    new, first, _ = inner_optimiser("adam", beta1=0.0).step(
        torch.zeros(2), torch.tensor([3.0, -0.2]), 0.1, slots, 0
    )
    close(new, torch.tensor([-0.1, 0.1]), 1e-6)
    close(first, torch.tensor([3.0, -0.2]))


def test_an_unknown_name_is_refused():
    with pytest.raises(qs.UserError, match=r"one of sgd, momentum, adam\. Found 'lbfgs'"):
        inner_optimiser("lbfgs")
