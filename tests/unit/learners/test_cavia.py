"""CAVIA on one linear layer, in closed form."""

import pytest
from torch import nn

import quickstudy as qs
from tests.unit.learners.slope import RATE, SUPPORT, close_to, column, slope


def test_a_context_shifts_the_layer():
    learner = qs.CAVIA(slope(), RATE, context_size=1)
    nn.init.constant_(learner.part.double().modulation.weight, 2)
    # the output is x + 2 c, so the gradient at c = 0 is 2 mean(2 (x - 3 x)) = -12
    adapted = learner.adapt(SUPPORT)
    assert {name: value.item() for name, value in adapted.items()} == {
        "context": pytest.approx(1.2)
    }
    close_to(learner.predict(adapted, column(5).unsqueeze(0)), 5 + 2.4)


def test_the_weights_of_the_network_do_not_adapt():
    learner = qs.CAVIA(slope(), RATE, context_size=1)
    assert learner.part.owned(learner.model)["context"].shape == (1,)
    assert learner.head_names == ()
