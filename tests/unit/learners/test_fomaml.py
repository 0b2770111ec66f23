"""First-order MAML, in closed form."""

import pytest

import quickstudy as qs
from tests.unit.learners.slope import RATE, loss_and_gradients, slope


@pytest.mark.parametrize("steps", [1, 3])
def test_the_gradient_is_taken_at_the_adapted_weight(steps):
    loss, gradients = loss_and_gradients(qs.FOMAML(slope(), RATE, steps))
    assert loss == pytest.approx(4 * 0.25**steps)
    assert gradients == {"model.weight": pytest.approx(-4 * 0.5**steps)}
