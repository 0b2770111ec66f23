"""MAML, in closed form."""

import pytest

import quickstudy as qs
from tests.unit.learners.slope import RATE, SUPPORT, loss_and_gradients, slope


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("outer_gradient", ["unrolled", "stepwise"])
def test_the_gradient_goes_through_all_steps(steps, outer_gradient):
    learner = qs.MAML(slope(), RATE, steps, outer_gradient=outer_gradient)
    loss, gradients = loss_and_gradients(learner)
    assert loss == pytest.approx(4 * 0.25**steps)
    assert gradients == {"model.weight": pytest.approx(-4 * 0.25**steps)}


def test_a_task_is_mastered_by_steps_on_its_support_set():
    assert qs.MAML(slope(), RATE, 2).adapt(SUPPORT)["weight"].item() == pytest.approx(2.5)
