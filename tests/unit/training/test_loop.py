"""The steps of a run, with validations and checkpoints in between."""

from pathlib import Path

import pytest
import torch

from quickstudy.balance import mean
from quickstudy.random import Moment
from quickstudy.training.frozen import values_by_steps
from quickstudy.training.loop import take_steps
from quickstudy.training.plan import Plan
from quickstudy.training.run import Fitted, Run
from tests.unit.training.small import metric_lines, sine_learner, sines


def run_of(steps: int, out: Path | None = None, **options) -> Run:
    learner = sine_learner()
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.01)
    plan = Plan(steps, out=out, progress=False, validation_tasks=4, **options)
    return Run(learner, sines(), optimizer, None, mean, plan, Fitted(out=out))


def test_steps_that_were_taken_are_not_taken_again():
    run = run_of(3)
    run.fitted.step = 2
    before = [parameter.detach().clone() for parameter in run.parameters]
    losses = run.learner.losses(sines().sample(4, Moment(0, "train", 2)))
    gradients = torch.autograd.grad(losses.mean(), run.parameters)
    take_steps(run, None)
    assert run.ended and run.fitted.step == 3 and not run.fitted.interrupted
    for old, gradient, new in zip(before, gradients, run.parameters, strict=True):
        torch.testing.assert_close(new.detach(), old - 0.01 * gradient)


def test_a_validation_is_due_at_its_interval_and_at_the_end(tmp_path):
    run = run_of(5, tmp_path, validate_every=2)
    take_steps(run, sines())
    lines = metric_lines(tmp_path)
    validated = [step for step, names in lines if names == ("validation_mean_squared_error",)]
    assert validated == [2, 4, 5]
    assert run.fitted.best is not None and run.fitted.best[1] in validated


def test_the_best_value_is_kept_with_its_weights():
    run = run_of(4, validate_every=1)
    take_steps(run, sines())
    best, step = run.fitted.best
    run.back_to_best()
    steps = [run.learner.test_steps]
    values = values_by_steps(run.learner, sines(), 4, 0, steps, "validation")
    assert values.mean().item() == pytest.approx(best) and 1 <= step <= 4
