"""GradNorm: by hand, against the loss it descends, and where it comes to rest."""

import pytest
import torch
from torch.testing import assert_close

import quickstudy as qs
from quickstudy.balance import GradNorm
from quickstudy.balance.gradnorm import last_shared
from tests.unit.balance.quadratics import Centres, Quadratics, after
from tests.unit.training.small import sine_learner

SOURCE = Centres([[3.0, 4.0], [0.0, -1.0]])
"""At 0, task 0 of scale 1 has a gradient of norm 5 and a loss of 12.5; task 1 of scale 2 has 2 and
1."""


def make(**options) -> tuple[GradNorm, Quadratics]:
    learner = Quadratics([1.0, 2.0], [0.0, 0.0])
    return GradNorm(2, shared=[learner.theta], **options), learner


def test_the_first_step_by_hand():
    """Both rates are 1 and the mean norm is 3.5: task 0 is above and task 1 below, and Adam's first
    step is its rate long."""
    balancer, learner = make(lr=0.1)
    gradient, _ = after(balancer, learner, SOURCE.of([1, 0]))
    # the plain mean of (−3, −4) and (0, 2): weights of 1
    assert_close(gradient, torch.tensor([-1.5, -1.0]))
    assert_close(balancer.weights, torch.tensor([0.9, 1.1]))
    assert_close(balancer.initial, torch.tensor([12.5, 1.0]))


@pytest.mark.parametrize("alpha", [0.0, 1.0, 1.5])
def test_the_gradient_is_that_of_the_paper_s_loss(alpha):
    """Equation 2, written out again, with the target as a constant."""
    balancer, _ = make(alpha=alpha)
    balancer.weights, balancer.initial = torch.tensor([1.3, 0.7]), torch.tensor([12.5, 1.0])
    loss, norms, seen = (
        torch.tensor([5.0, 0.9]),
        torch.tensor([2.0, 4.0]),
        torch.tensor([True, True]),
    )
    weights = balancer.weights.clone().requires_grad_()
    rate = (loss / balancer.initial) / (loss / balancer.initial).mean()
    weighted = weights * norms
    target = (weighted.mean() * rate**alpha).detach()
    (weighted - target).abs().sum().backward()
    assert_close(balancer.gradient(loss, norms, seen), weights.grad)


def test_with_alpha_0_all_norms_become_equal():
    balancer, learner = make(alpha=0.0, lr=0.01)
    after(balancer, learner, *[SOURCE.of([0, 1])] * 120)
    assert_close(
        balancer.weights * torch.tensor([5.0, 2.0]),
        torch.tensor([20 / 7, 20 / 7]),
        rtol=0.05,
        atol=0,
    )
    assert_close(balancer.weights.sum(), torch.tensor(2.0))


def test_what_is_learned_more_slowly_gains_weight():
    """Norms as before, but the loss of task 1 has not fallen while that of task 0 has."""
    balancer, _ = make(alpha=1.0)
    balancer.initial = torch.tensor([1.0, 1.0])
    slope = balancer.gradient(
        torch.tensor([0.1, 1.0]), torch.tensor([2.0, 2.0]), torch.tensor([True, True])
    )
    assert slope[0] > 0 > slope[1]


def test_the_last_shared_weights():
    sharing = qs.HardSharing(qs.models.MLP(1, 1, hidden=(6, 5)), 3)
    assert [tuple(weight.shape) for weight in last_shared(sharing)] == [(5, 6)]
    # of an initialisation all is shared
    assert [tuple(weight.shape) for weight in last_shared(sine_learner())] == [(1, 8)]


def test_errors():
    balancer, learner = make()
    with pytest.raises(
        qs.UserError,
        match=r"GradNorm knows tasks 0 to 1\. Found 0 to 2: it weighs a fixed set of tasks",
    ):
        after(balancer, Quadratics([1.0] * 3, [0.0, 0.0]), Centres([[0.0, 1.0]] * 3).of([0, 2]))
    with pytest.raises(
        qs.UserError,
        match=r"`shared` of GradNorm is needed: Quadratics has no weights that all tasks share",
    ):
        after(GradNorm(2), learner, SOURCE.of([0, 1]))
    with pytest.raises(
        qs.UserError,
        match="`shared` of GradNorm should be parameters of the learner that its losses depend on",
    ):
        after(GradNorm(2, shared=[torch.ones(2, requires_grad=True)]), learner, SOURCE.of([0, 1]))
    with pytest.raises(
        qs.UserError,
        match=r"GradNorm compares losses .* not be negative|none should be negative\. Found -12\.5",
    ):
        after(make()[0], Quadratics([-1.0, 1.0], [0.0, 0.0]), SOURCE.of([0, 1]))
    for options, message in (
        ({"alpha": -1.0}, "`alpha`"),
        ({"lr": 0.0}, "`lr`"),
        ({"num_tasks": 0}, "`num_tasks`"),
    ):
        with pytest.raises(qs.UserError, match=message):
            GradNorm(**{"num_tasks": 2} | options)
