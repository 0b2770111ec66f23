"""The options that MAML, ANIL and BOIL share."""

import inspect

import pytest

import quickstudy as qs
from quickstudy.learners.parts import All, Body, Head
from tests.unit.learners.slope import RATE, SUPPORT, loss_and_gradients, slope


def test_the_learners_differ_in_the_part_only():
    assert [learner.adapts for learner in (qs.MAML, qs.ANIL, qs.BOIL)] == [All, Head, Body]
    signatures = {inspect.signature(learner) for learner in (qs.MAML, qs.ANIL, qs.BOIL)}
    assert len(signatures) == 1


def test_every_option_is_an_attribute():
    learner = qs.MAML(slope())
    options = inspect.signature(qs.MAML).parameters.values()
    for option in options:
        if option.default is not inspect.Parameter.empty and option.name != "test_steps":
            assert getattr(learner, option.name) == option.default, option.name
    assert learner.test_steps == learner.inner_steps


def test_a_multi_step_loss_is_the_mean_after_each_step():
    learner = qs.MAML(slope(), RATE, 2, multi_step_loss=True)
    assert loss_and_gradients(learner)[0] == pytest.approx((1 + 0.25) / 2)


def test_a_proximal_term_pulls_back_to_the_start():
    learner = qs.MAML(slope(), RATE, 2, proximal=1.0)
    # at w_1 = 2 the gradient is 5 (2 - 3) + 1 (2 - 1)
    assert learner.adapt(SUPPORT)["weight"].item() == pytest.approx(2 + 0.4)


def test_learned_rates_start_at_the_inner_rate_in_every_step():
    learner = qs.MAML(slope(), RATE, 3, learned_rates=True)
    assert [rate.tolist() for rate in learner.step.rates] == [pytest.approx([RATE] * 3)]
