"""Hypergradients of two losses against exact derivatives, and arguments that are refused."""

from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from torch.func import functional_call, vmap

import quickstudy as qs
from tests.laws.battery import cast, close
from tests.unit.bilevel.problems import FEATURES, Ridge, gradients_of, weighted

OUTER = torch.tensor(1.0, requires_grad=True)
GOOD: dict[str, Any] = {
    "inner_loss": lambda w, meta: (w["w"] - meta["a"]).square().sum(),
    "outer_loss": lambda w, meta: w["w"].sum(),
    "meta": {"a": OUTER},
    "start": {"w": torch.zeros(3)},
    "steps": 2,
    "lr": 0.1,
}
IMPLICIT = {"outer_gradient": "implicit"}
BAD = {
    "outer-gradient": (
        {"outer_gradient": "exact"},
        "`outer_gradient` should be one of unrolled, stepwise, truncated, first_order, "
        "implicit, neumann",
    ),
    "backward": (
        {"backward_steps": 0},
        "`backward_steps` should be at least 1. Found backward_steps=0",
    ),
    "damping": ({"damping": -1.0}, "`damping` should be at least 0. Found damping=-1.0"),
    "not-a-number": (
        {"damping": float("nan")},
        "`damping` should be at least 0. Found damping=nan",
    ),
    "steps": ({"steps": -1}, "`steps` should be at least 0. Found steps=-1"),
    "lr": ({"lr": 0.0}, "`lr` should be positive. Found lr=0.0"),
    "rates": ({"lr": torch.ones(2)}, "`lr` should be a number or a scalar tensor"),
    "optimiser": (
        {"inner_optimiser": "lbfgs"},
        "`inner_optimiser` should be one of sgd, momentum, adam. Found 'lbfgs'",
    ),
    "meta": (
        {"meta": {"a": 1.0}},
        "`meta` should hold floating-point tensors by name; data belongs into the losses. "
        "Found 'a': float",
    ),
    "integers": (
        {"start": {"w": torch.arange(3)}},
        "`start` should hold floating-point tensors by name.* Found 'w': torch.int64",
    ),
    "nothing": (
        {"start": {}},
        "`start` should hold the weights that the inner steps change. Found none",
    ),
    "inner": (
        {"inner_loss": lambda w, meta: w["w"].outer(w["w"])},
        r"`inner_loss` should give a scalar tensor.* Found \(3, 3\)",
    ),
    "outer": (
        {"outer_loss": lambda w, meta: 1.0},
        "`outer_loss` should give a scalar tensor.* Found float",
    ),
    "axis": (
        {"inner_loss": lambda w, meta: w["w"][:2]},
        r"If `inner_loss` gives one loss per task, weights.* Found \(2,\) losses and "
        r"weight 'w' with \(3,\)",
    ),
    "implicit-start": (
        IMPLICIT | {"meta": {"a": torch.ones(())}},
        "the optimum does not depend on `start`. Found none",
    ),
    "implicit-steps": (
        IMPLICIT | {"steps": 0},
        "`steps` should be at least 1 with outer_gradient='implicit'",
    ),
    "implicit-lr": (
        IMPLICIT | {"lr": torch.tensor(0.1, requires_grad=True)},
        "`lr` should not require a gradient",
    ),
    "neumann-adam": (
        {"outer_gradient": "neumann", "inner_optimiser": "adam"},
        "`inner_optimiser` should be 'sgd' .* Found 'adam'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_the_message_says_what_was_expected_and_found(name):
    changed, message = BAD[name]
    with pytest.raises(qs.UserError, match=message) as error:
        qs.bilevel.solve(**GOOD | changed)
    assert "\n" not in str(error.value)


def test_the_good_arguments_are_good():
    for outer_gradient in get_args(qs.bilevel.OuterGradient):
        assert qs.bilevel.solve(**GOOD, outer_gradient=outer_gradient).loss.isfinite()


@pytest.mark.parametrize("tasks", [(), (3,)])
@pytest.mark.parametrize(
    ("outer_gradient", "options"),
    [
        ("unrolled", {}),
        ("stepwise", {}),
        ("truncated", {"backward_steps": 60}),
        ("implicit", {"backward_steps": FEATURES}),
        ("neumann", {"backward_steps": 250}),
    ],
)
def test_the_hypergradient_of_a_ridge_penalty_is_the_exact_derivative(
    tasks, outer_gradient, options
):
    ridge = Ridge(tasks)
    loss, optimum = ridge.exact()
    found = ridge.solve(250, 0.15, outer_gradient, **options)
    weighted(found.loss).backward()
    close(found.weights["w"], optimum.detach(), 1e-9)
    close(found.loss.detach(), loss.detach(), 1e-9)
    close(ridge.meta["r"].grad, ridge.exact_gradient(), 1e-8)


def test_a_learned_rate_gets_the_derivative_of_one_step():
    """One step on ``w²/2`` from 1 goes to ``1 − lr``, so ``d(w²)/d lr = −2 (1 − lr)``."""
    rate = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    loss = qs.bilevel.solve(
        lambda w, _: w["w"].square() / 2,
        lambda w, _: w["w"].square(),
        {},
        {"w": torch.ones((), dtype=torch.float64)},
        steps=1,
        lr=rate,
    ).loss
    loss.backward()
    close(loss.detach(), torch.tensor(0.49, dtype=torch.float64))
    close(rate.grad, torch.tensor(-1.4, dtype=torch.float64))


def test_without_steps_the_outer_loss_is_that_of_the_start():
    ridge = Ridge()
    close(ridge.solve(0, 0.1, "unrolled").loss, ridge.outer(ridge.start, ridge.meta), 0)


@pytest.mark.parametrize("outer_gradient", ["unrolled", "stepwise", "truncated", "first_order"])
def test_the_start_may_be_outer_and_the_losses_are_then_mamls(outer_gradient):
    model = qs.models.MLP(1, 1, hidden=(6,)).double()
    source = qs.tasks.Sinusoid().episodes(5, 5)
    episodes = cast(source.sample(3, qs.Moment(0, "maml")), torch.float64)
    options = {"outer_gradient": outer_gradient, "backward_steps": 2}
    theta = dict(model.named_parameters())

    def error(batch: qs.Batch):
        def of(weights: dict, meta: dict) -> Tensor:
            scores = vmap(lambda own, x: functional_call(model, own, (x,)))(weights, batch.x)
            return (scores - batch.y).square().mean((1, 2))

        return of

    start = {name: weight.expand(3, *weight.shape) for name, weight in theta.items()}
    inner, outer = error(episodes.support), error(episodes.query)
    found = qs.bilevel.solve(inner, outer, {}, start, 4, 0.05, **options).loss
    expected = qs.MAML(model, 0.05, 4, **options).losses(episodes)
    close(found, expected)
    wanted = list(theta.values())
    close(
        torch.autograd.grad(found.sum(), wanted),
        torch.autograd.grad(expected.sum(), wanted),
    )


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_the_exact_outer_gradients_agree_for_every_optimiser(optimiser):
    rate = torch.tensor(0.05, dtype=torch.float64, requires_grad=True)
    expected = gradients_of("unrolled", 6, rate, inner_optimiser=optimiser)
    assert (expected[-5] != 0).all()  # the rate learns
    for outer_gradient, options in (
        ("stepwise", {}),
        ("truncated", {"backward_steps": 6}),
        ("truncated", {"backward_steps": 99}),
    ):
        found = gradients_of(outer_gradient, 6, rate, inner_optimiser=optimiser, **options)
        close(found, expected, 1e-10)


@pytest.mark.parametrize("outer_gradient", ["unrolled", "stepwise", "implicit"])
def test_without_gradients_the_solution_is_the_same(outer_gradient):
    ridge = Ridge()
    expected = ridge.solve(5, 0.1, "unrolled").loss.detach()
    with torch.no_grad():
        close(ridge.solve(5, 0.1, outer_gradient).loss, expected, 0)
