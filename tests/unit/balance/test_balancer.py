"""The step of several losses: its gradient in closed form, and that balancing helps."""

import pytest
import torch
from torch.testing import assert_close

import quickstudy as qs
from benchmarks.balance import conflict
from quickstudy.balance import OuterStep, balancer_named, descend, mean
from tests.unit.balance.quadratics import Centres, Quadratics
from tests.unit.training.small import bits, same_bits, sine_learner, sines

SOURCE = Centres([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5]])


def gradient(balancer: object, share: float) -> torch.Tensor:
    learner, episode = Quadratics([1.0, 0.5, 3.0], [0.2, -0.3]), SOURCE.of([0, 1, 2])
    descend(balancer, learner.losses(episode), OuterStep(learner, episode), share)
    return learner.theta.grad


@pytest.mark.parametrize("balancer", [mean, lambda losses: losses.max()], ids=["mean", "max"])
def test_a_function_is_descended_by_its_gradient(balancer):
    """At ``θ`` the third loss is the largest."""
    theta, scales = torch.tensor([0.2, -0.3]), torch.tensor([1.0, 0.5, 3.0])
    gradients = scales.unsqueeze(1) * (theta - SOURCE.centres)
    expected = gradients.mean(0) if balancer is mean else gradients[2]
    assert_close(gradient(balancer, 1.0), expected)
    assert_close(gradient(balancer, 0.25), expected / 4)


def test_a_number_of_losses_that_cannot_be_served_is_refused():
    weights = balancer_named("static", num_tasks=2, weights=[1.0, 2.0])
    with pytest.raises(qs.UserError, match="cannot serve a step of 3 tasks"):
        gradient(weights, 1.0)


@pytest.mark.parametrize("name", ["upgrad", "alignedmtl", "pcgrad", "random"])
def test_meta_learning_with_conflicting_tasks_is_one_line(name):
    made = sine_learner()
    before = bits(made)
    qs.fit(made, sines(), steps=2, balancer=balancer_named(name), progress=False)
    assert not same_bits(before, bits(made))


def test_balancing_helps_where_all_tasks_conflict():
    """A layer too narrow for tasks of scales from 10 to 1: the plain mean serves the large ones."""
    plain, balanced = conflict(0, "mean", steps=120), conflict(0, "alignedmtl", steps=120)
    assert balanced.mean() < plain.mean() - 0.05
    assert plain[:2].mean() < balanced[:2].mean() and balanced[3:].mean() < plain[3:].mean()
