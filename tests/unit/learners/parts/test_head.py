"""The head on features that are computed once."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from tests.laws.battery import Case, vectors

EPISODES = Case("vectors", "vectors", lambda: None).episodes()


@pytest.mark.parametrize("outer", ["unrolled", "stepwise", "first_order"])
def test_features_are_computed_once_for_all_steps(outer):
    learner = qs.ANIL(vectors(), 0.1, 7, outer_gradient=outer).double()
    seen = []
    body = learner.model.features
    body.register_forward_hook(lambda module, inputs, output: seen.append(output))
    learner.losses(EPISODES)
    seen.clear()  # the first time looks for the head, and for a mapping
    learner.losses(EPISODES)
    assert len(seen) == 2  # of support and query
    seen.clear()
    learner.adapt(EPISODES.support)
    assert len(seen) == 1


def test_a_frozen_half_of_the_head_stays_and_is_used():
    model = vectors().double()
    model.head.bias.requires_grad_(False)
    model.head.bias.add_(torch.tensor([50.0, 0.0, 0.0]))
    learner = qs.ANIL(model, 0.01, 1)
    adapted = learner.adapt(EPISODES.support)
    assert set(adapted) == {"head.weight"}
    assert (learner.predict(adapted, EPISODES.query.x).argmax(-1) == 0).all()
    assert learner.losses(EPISODES).min() > 10  # two classes of three are taken for the first


def test_a_model_without_a_linear_layer_has_no_head():
    with pytest.raises(qs.UserError, match="should end in a linear layer"):
        qs.ANIL(nn.Sequential(nn.Conv1d(1, 2, 1), nn.Flatten()))
