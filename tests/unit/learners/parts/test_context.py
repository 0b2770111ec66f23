"""A context vector, which is 0 in a network as it is."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.parts import Context, Examples, Shared
from tests.laws.battery import close, normed


@pytest.mark.parametrize(("layer", "values"), [(None, 7), ("1", 14), ("3", 3)])
def test_a_linear_layer_is_shifted_and_a_norm_scaled_too(layer, values):
    model, part = normed().double().eval(), Context(4, layer)
    part.attach(model)
    part.double()
    assert part.modulation.weight.shape == (values, 4)
    x, zero = torch.randn(6, 5).double(), torch.zeros(4).double()
    close(part.whole(Shared(model), {"context": zero}, Examples(x))[0], model(x))
    assert not torch.allclose(
        part.whole(Shared(model), {"context": zero + 1}, Examples(x))[0], model(x)
    )


def test_a_meta_learned_modulation_takes_the_place_of_the_parts():
    model, part = nn.Linear(2, 3), Context(1)
    part.attach(model)
    shared = Shared(model, {}, {"modulation.weight": torch.tensor([[1.0], [2.0], [3.0]])})
    x = torch.randn(5, 2)
    found = part.whole(shared, {"context": torch.tensor([10.0])}, Examples(x))[0]
    torch.testing.assert_close(found, model(x) + torch.tensor([10.0, 20.0, 30.0]))


def test_errors():
    with pytest.raises(
        qs.UserError, match=r"`context_size` should be at least 1. Found context_size=0"
    ):
        Context(0)
    with pytest.raises(qs.UserError, match=r"should name a layer of the model. Found layer='x'"):
        Context(2, "x").attach(nn.Linear(2, 3))
