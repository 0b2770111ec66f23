"""Every outer gradient by its name, on a problem whose derivatives are known."""

from typing import get_args

import pytest
import torch

import quickstudy as qs
from quickstudy.bilevel import InnerProblem, OuterGradient
from quickstudy.bilevel.outer_gradient import IMPLICIT, check_outer_gradient, solve_problem
from tests.laws.battery import close

RATE, STEPS, PENALTY = 0.1, 6, 0.5


class Quadratic(InnerProblem):
    """``ℓ(w, θ) = (w − θ)²/2 + w²/4`` from 0 and ``L = w²``: a step is ``w ← 0.85 w + 0.1 θ``.

    So ``∂w_K/∂θ = 0.1 Σ 0.85ʲ`` over the steps that are followed; at the optimum it is ``1/1.5``.
    """

    def start(self, meta):
        return {"w": torch.zeros_like(meta["theta"])}

    def step(self, state, meta, index, differentiable):
        slope = state["w"] - meta["theta"] + PENALTY * state["w"]
        return {"w": state["w"] - RATE * (slope if differentiable else slope.detach())}

    def objective(self, state, meta):
        return (state["w"] - meta["theta"]).square() / 2 + PENALTY * state["w"].square() / 2

    def losses(self, state, meta):
        return state["w"].square()


def followed(steps: int) -> float:
    return sum(RATE * (1 - RATE * (1 + PENALTY)) ** j for j in range(steps))


SLOPES = {
    "unrolled": followed(STEPS),
    "stepwise": followed(STEPS),
    "truncated": followed(2),
    "first_order": 0.0,
    "implicit": 1 / (1 + PENALTY + 0.3),
    # two terms of the series
    "neumann": RATE * (1 + (1 - RATE * (1 + PENALTY + 0.3))),
}


@pytest.mark.parametrize("name", get_args(OuterGradient))
def test_every_name_gives_its_gradient(name):
    theta = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    weights = [0.0] * STEPS + [1.0]
    losses, state = solve_problem(Quadratic(), {"theta": theta}, weights, name, 2, 0.3, RATE)
    end = followed(STEPS) * theta.detach()
    close(losses.detach(), end.square())
    close(state["w"].detach(), end)
    expected = SLOPES[name]
    if expected:
        losses.sum().backward()
        close(theta.grad, 2 * end * expected)
    else:
        assert not losses.requires_grad


def test_those_at_the_optimum_are_names():
    assert set(IMPLICIT) < set(get_args(OuterGradient))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("exact", 1, 0.0), "one of unrolled, stepwise, .* Found 'exact'"),
        (("implicit", 0, 0.0), "at least 1. Found backward_steps=0"),
        (("implicit", 1, float("inf")), "at least 0. Found damping=inf"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(qs.UserError, match=message):
        check_outer_gradient(*options)
    check_outer_gradient("implicit", 1, 0.0)
