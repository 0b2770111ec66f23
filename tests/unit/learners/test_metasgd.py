"""Meta-SGD, in closed form."""

import pytest

import quickstudy as qs
from tests.unit.learners.slope import RATE, loss_and_gradients, slope


def test_the_rate_has_the_gradient_of_the_product_with_the_inner_gradient():
    learner = qs.MetaSGD(slope(), RATE)
    loss, gradients = loss_and_gradients(learner)
    assert loss == pytest.approx(1)
    # w_1 = 2, the inner gradient is -10
    assert gradients.pop("model.weight") == pytest.approx(-1)
    assert list(gradients.values()) == [pytest.approx(2 * (2 - 3) * 10)]
