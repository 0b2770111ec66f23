"""ANIL on a body and a head of one weight each, in closed form."""

import pytest
from torch import nn

import quickstudy as qs
from tests.unit.learners.slope import RATE, SUPPORT, loss_and_gradients, slope


@pytest.mark.parametrize("outer_gradient", ["unrolled", "stepwise"])
def test_the_head_adapts_and_the_body_is_meta_learned(outer_gradient):
    learner = qs.ANIL(nn.Sequential(slope(), slope()), RATE, outer_gradient=outer_gradient)
    adapted = learner.adapt(SUPPORT)
    assert {name: value.item() for name, value in adapted.items()} == {"1.weight": pytest.approx(2)}
    loss, gradients = loss_and_gradients(learner)
    assert loss == pytest.approx(1)
    # h_1 = h - a/2 (a h - 3), so the derivative of a h_1 is 1/2 by h, and 5/2 by a
    assert gradients["model.1.weight"] == pytest.approx(-1)
    assert gradients["model.0.weight"] == pytest.approx(-5)
