"""One inner step: the gradient of every task, constant or not, and the move along it."""

import pytest
import torch

from quickstudy.bilevel.optimisers import inner_optimiser
from quickstudy.bilevel.problem import gradient, move, under
from tests.laws.battery import close
from tests.unit.bilevel.problems import drawn


def weights() -> dict:
    return {"a": drawn(3, 2, name="a").requires_grad_(), "b": drawn(3, name="b").requires_grad_()}


def objective(given: dict):
    """``‖a‖² b`` of every task: by ``a`` it is ``2 a b``, by ``b`` it is ``‖a‖²``."""
    return given["a"].square().sum(1) * given["b"]


def test_every_task_has_its_own_gradient():
    given = weights()
    values, found = gradient(objective, given, ("a", "b"), True)
    close(values, objective(given))
    close(found["a"], 2 * given["a"] * given["b"].unsqueeze(1))
    close(found["b"], given["a"].square().sum(1))
    assert list(found) == ["a", "b"]


def test_the_gradient_of_weights_that_are_not_named_is_zero():
    given = weights()
    _, found = gradient(objective, given, ("b",), True)
    close(found["b"], given["a"].square().sum(1))
    assert list(found) == ["a", "b"] and not found["a"].any() and found["a"].shape == (3, 2)


def test_a_differentiable_gradient_has_the_second_derivative():
    given = weights()
    _, found = gradient(objective, given, ("a", "b"), True)
    (second,) = torch.autograd.grad(found["b"].sum(), given["a"])
    close(second, 2 * given["a"].detach())


@pytest.mark.parametrize(("differentiable", "enabled"), [(False, True), (True, False)])
def test_otherwise_it_is_a_constant_and_the_weights_keep_their_mode(differentiable, enabled):
    given = weights() | {"c": drawn(3, name="c")}
    with torch.set_grad_enabled(enabled):
        values, found = gradient(objective, given, ("a", "c"), differentiable)
    assert not values.requires_grad and not any(value.requires_grad for value in found.values())
    assert [value.requires_grad for value in given.values()] == [True, True, False]
    close(found["a"], (2 * given["a"] * given["b"].unsqueeze(1)).detach())
    # the objective does not depend on it
    assert not found["c"].any()


def test_a_move_changes_weights_and_slots():
    """Momentum: ``m ← 0.9 m + g``, ``w ← w − rate · m``, with a rate for every weight."""
    state = {"a": torch.tensor([1.0]), "b": torch.tensor([2.0])}
    state |= {"momentum:a": torch.tensor([10.0]), "momentum:b": torch.tensor([0.0])}
    slopes = {"a": torch.tensor([1.0]), "b": torch.tensor([4.0])}
    rates = {"a": 0.1, "b": torch.tensor(0.5)}
    found = move(inner_optimiser("momentum"), state, ("a", "b"), slopes, rates.__getitem__, 0)
    expected = {"a": 0.0, "b": 0.0, "momentum:a": 10.0, "momentum:b": 4.0}
    assert list(found) == list(expected)
    close({name: value.item() for name, value in found.items()}, expected)
    assert state["a"] == 1 and state["momentum:a"] == 10


def test_tensors_under_a_prefix():
    one, two = torch.ones(1), torch.ones(2)
    found = under("meta.", {"meta.a": one, "start.meta.b": two, "meta.meta.c": two})
    assert list(found) == ["a", "meta.c"] and found["a"] is one
