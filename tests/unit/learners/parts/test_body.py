"""All but the head."""

import pytest
from torch import nn

import quickstudy as qs
from quickstudy.learners.parts import Body, Head
from tests.laws.battery import normed


def test_body_and_head_are_the_network():
    model = normed()
    body, head = Body().names(model), Head().names(model)
    assert (*body, *head) == tuple(name for name, _ in model.named_parameters())


def test_a_network_of_a_head_has_no_body():
    with pytest.raises(qs.UserError, match="weights below its head"):
        qs.BOIL(nn.Linear(2, 3))
