"""A head on a trunk, of examples and of pixels."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models import UNet, WithHead, traits


def test_scores_of_examples_by_hand():
    trunk, x = qs.models.MLP(3, None, (4,)), torch.randn(5, 3, generator=qs.generator(0, "x"))
    model = WithHead(trunk, 2)
    expected = trunk(x) @ model.head.weight.T + model.head.bias
    torch.testing.assert_close(model(x), expected)
    said = traits(model)
    assert (said.gives, said.outputs, said.embedding_size, said.inputs) == ("scores", 2, 4, 3)


def test_embeddings_of_any_shape_are_flattened():
    assert WithHead(nn.Identity(), 2, embedding_size=24)(torch.zeros(5, 2, 3, 4)).shape == (5, 2)


def test_scores_of_pixels_are_those_of_a_network_with_a_head():
    whole, x = UNet(3, 4).eval(), torch.randn(2, 3, 7, 8, generator=qs.generator(0, "x"))
    model = WithHead(UNet(None, 4).eval(), 3, dense=True)
    model.head.load_state_dict(whole.head.state_dict())
    torch.testing.assert_close(model(x), whole(x))
    assert model.gives == "dense_scores" and model.embedding_size == 4


@pytest.mark.parametrize(
    ("dense", "message"),
    [
        (False, "`embedding_size` is needed: this model does not say its own."),
        (True, "`embedding_size` is needed: this trunk does not say its `feature_channels`."),
    ],
)
def test_a_length_that_is_not_known_is_asked_for(dense, message):
    with pytest.raises(qs.UserError, match=message):
        WithHead(nn.Tanh(), 2, dense)
