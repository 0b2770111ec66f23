"""Reptile, in closed form."""

import pytest

import quickstudy as qs
from tests.unit.learners.slope import RATE, SUPPORT, loss_and_gradients, slope


def test_the_gradient_points_from_the_adapted_weight_to_the_start():
    learner = qs.Reptile(slope(), RATE, 2, inner_optimiser="sgd")
    loss, gradients = loss_and_gradients(learner)
    assert loss == pytest.approx(0.5 * 1.5**2)
    assert gradients == {"model.weight": pytest.approx(1 - 2.5)}


def test_batches_of_one_example_come_in_turn():
    learner = qs.Reptile(slope(), RATE, 2, inner_optimiser="sgd", inner_batch_size=1)
    # the gradient of the first example is 2 (w - 3), of the second 8 (w - 3)
    first = 1 + 0.1 * 2 * 2
    second = first + 0.1 * 8 * (3 - first)
    assert learner.adapt(SUPPORT)["weight"].item() == pytest.approx(second)
