"""A step rule of a user's own: the sign of the gradient."""

import pytest

import quickstudy as qs
from quickstudy.learners import Assembled
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import All
from quickstudy.learners.steps import StepRule
from tests.unit.learners.slope import SUPPORT, slope


class Sign(StepRule):
    """Move every weight by the rate, against the sign of its gradient."""

    def slots(self, weights, learned):
        return {}

    def step(self, state, names, slope, learned, index):
        return {n: state[n] - self.inner_lr * slope.gradients[n].sign() for n in names}


def test_it_makes_the_steps_of_a_learner():
    learner = Assembled(slope(), All(), Sign(0.25), QueryLoss(), 3)
    assert learner.adapt(SUPPORT)["weight"].item() == 1.75


def test_by_default_all_examples_are_used_and_nothing_is_scheduled():
    rule = Sign(0.25)
    assert rule.rows(SUPPORT, 5) is SUPPORT
    assert rule.scheduled({}, {}, 1) == {}


def test_a_rate_is_positive():
    with pytest.raises(qs.UserError, match=r"`inner_lr` should be positive. Found inner_lr=0"):
        Sign(0)
