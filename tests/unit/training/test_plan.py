"""Settings that are out of range, or exclude each other."""

import math
from pathlib import Path

import pytest
from torchjd.aggregation import UPGrad

import quickstudy as qs
from quickstudy.training.plan import Plan


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "`steps` should be at least 1. Found steps=0"),
        ({"tasks_per_backward": 0}, "`tasks_per_backward` should be at least 1"),
        ({"validation_tasks": 0}, "`validation_tasks` should be at least 1"),
        ({"clip_gradient": -1.0}, "`clip_gradient` should be positive"),
        ({"compile": True, "tasks_per_backward": 2}, "A compiled step takes all its tasks"),
        ({"resume": True}, "`out` is needed to resume"),
        ({"tensorboard": True}, "`out` is needed to resume and for TensorBoard"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(qs.UserError, match=message):
        Plan(**{"steps": 3} | settings).check(0.1, qs.balance.mean)


def test_a_rate_and_a_balancer():
    with pytest.raises(qs.UserError, match=r"`lr` should be positive\. Found lr=0"):
        Plan(3).check(0, qs.balance.mean)
    with pytest.raises(qs.UserError, match="needs all tasks of a step at once"):
        Plan(3, tasks_per_backward=2).check(0.1, UPGrad())


def test_what_follows_from_the_settings():
    plan = Plan(3, tasks_per_step=6, out=Path("runs/a"))
    assert plan.best == Path("runs/a/best.safetensors")
    assert (plan.largest_norm, Plan(3, clip_gradient=0.5).largest_norm) == (math.inf, 0.5)
    assert (plan.at_once, plan.last) == (6, Path("runs/a/last.safetensors"))
    assert (Plan(3, tasks_per_backward=2).at_once, Plan(3).last) == (2, None)
