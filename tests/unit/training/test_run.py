"""One outer step of a run, and its checks."""

import pytest
import torch

import quickstudy as qs
from quickstudy.balance import mean
from quickstudy.errors import TrainingError, UserError
from quickstudy.random import Moment
from quickstudy.training.plan import Plan
from quickstudy.training.run import Fitted, Run
from tests.unit.training.small import bits, same_bits, sine_learner, sines


def run_of(learner, optimizer=None, scheduler=None, **plan):
    taken = optimizer or torch.optim.SGD(learner.parameters(), lr=0.5)
    settings = Plan(steps=2, tasks_per_step=3, seed=4, **plan)
    return Run(learner, sines(), taken, scheduler, mean, settings, Fitted())


@pytest.mark.parametrize("tasks_per_backward", [None, 1, 2])
def test_a_step_descends_the_mean_loss(tasks_per_backward):
    learner = sine_learner()
    before = bits(learner)
    losses = learner.losses(sines().sample(3, Moment(4, "train", 1)))
    gradients = torch.autograd.grad(losses.mean(), list(learner.parameters()))
    found = run_of(learner, tasks_per_backward=tasks_per_backward).step(1)
    assert found == pytest.approx(losses.mean().item())
    for (name, value), gradient in zip(learner.named_parameters(), gradients, strict=True):
        torch.testing.assert_close(value.detach(), before[name] - 0.5 * gradient)


def test_the_gradient_is_clipped():
    learner = sine_learner()
    before = bits(learner)
    run_of(learner, clip_gradient=1e-3).step(0)
    moved = torch.cat([(value - before[name]).flatten() for name, value in bits(learner).items()])
    assert moved.norm().item() == pytest.approx(0.5e-3, rel=1e-2)


def test_a_loss_that_is_not_finite_changes_no_weight():
    learner = sine_learner()
    with torch.no_grad():
        next(learner.parameters()).fill_(torch.nan)
    before = {name: value.nan_to_num() for name, value in bits(learner).items()}
    with pytest.raises(TrainingError, match="The loss of step 1 is not finite"):
        run_of(learner).step(0)
    after = {name: value.nan_to_num() for name, value in bits(learner).items()}
    assert same_bits(before, after)


def test_an_optimiser_or_a_scheduler_of_another_is_refused():
    other = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1)
    with pytest.raises(UserError, match="should be one of the learner's parameters"):
        run_of(sine_learner(), other).check()
    scheduler = torch.optim.lr_scheduler.ConstantLR(other)
    with pytest.raises(UserError, match="should be one of the run's optimiser"):
        run_of(sine_learner(), scheduler=scheduler).check()


def test_back_to_the_best_weights():
    learner = sine_learner()
    run = run_of(learner)
    run.keep_best()
    before = bits(learner)
    run.step(0)
    assert not same_bits(before, bits(learner))
    run.back_to_best()
    assert same_bits(before, bits(learner)) and qs.Learner in type(learner).__mro__
