"""The displacement by the inner steps, in closed form."""

import pytest

from quickstudy.learners import Assembled
from quickstudy.learners.outer import Displacement
from quickstudy.learners.parts import All
from quickstudy.learners.steps import Descent
from tests.unit.learners.slope import RATE, loss_and_gradients, slope


@pytest.mark.parametrize(("steps", "end"), [(0, 1.0), (1, 2.0), (3, 2.75)])
def test_it_is_half_the_squared_distance_and_its_gradient_points_back(steps, end):
    learner = Assembled(slope(), All(), Descent(RATE), Displacement(), steps)
    loss, gradients = loss_and_gradients(learner)
    assert loss == pytest.approx((1 - end) ** 2 / 2)
    assert gradients == {"model.weight": pytest.approx(1 - end)}
