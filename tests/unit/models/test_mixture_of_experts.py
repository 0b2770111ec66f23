"""Mixtures of experts, against the same written out."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models import CrossStitch, MixtureOfExperts
from tests.unit.models.structures import SHAPES, draw, own, trunks, vectors


@trunks
def test_a_gate_that_weighs_alike_gives_the_mean_of_the_experts(trunk):
    model, x = MixtureOfExperts(trunk(), 3, num_experts=3).eval(), draw(2, *SHAPES[trunk])
    nn.init.zeros_(model.gate.linear.weight)
    nn.init.zeros_(model.gate.linear.bias)
    mean = torch.stack([expert(x) for expert in model.experts]).mean(0)
    torch.testing.assert_close(model(x), model.head(mean))


def test_the_trunk_is_the_first_expert():
    trunk = vectors()
    assert MixtureOfExperts(trunk, num_experts=3).trunk is trunk


def test_without_outputs_it_gives_an_embedding():
    model = MixtureOfExperts(vectors(), None)
    assert model(draw(2, 4)).shape == (2, model.embedding_size)
    nested = MixtureOfExperts(CrossStitch(vectors(), None), 3)
    assert nested(draw(2, 4)).shape == (2, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((vectors(), 1, 0), "`num_experts` should be at least 1. Found num_experts=0."),
        ((own(), 1, 4, None, 4), "`embedding_size` is needed"),
        ((own(), 1, 4, 6), "`gate_inputs`, the length of a flattened input, is needed"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        MixtureOfExperts(*arguments)
