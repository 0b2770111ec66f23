"""Modulation of a layer against weights written out."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.modulation import (
    FiLM,
    LowRank,
    channels,
    layers_to_modulate,
    modulating,
    modulation,
)
from tests.laws.battery import close


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(
        *shape, dtype=torch.float64, generator=qs.generator(len(shape), "generators")
    )


@pytest.mark.parametrize("kind", [FiLM, LowRank])
@pytest.mark.parametrize("each", [False, True], ids=["one-embedding", "one-an-example"])
def test_convolutions_are_changed_as_their_weights_would_be(kind, each):
    layer = nn.Conv2d(2, 5, 3, stride=2, padding=1, padding_mode="reflect").double()
    change = (kind(layer, 4) if kind is FiLM else kind(layer, 4, 3)).double()
    nn.init.normal_(change.generate.weight, generator=qs.generator(0, "conv"))
    x, embeddings = draw(6, 2, 7, 7), draw(6, 4)
    found = change(layer, x, layer(x), embeddings if each else embeddings[0])
    for index in range(6):
        values = change.generate.weight @ embeddings[index if each else 0]
        if kind is FiLM:
            weight, bias = (
                (1 + values[:5, None, None, None]) * layer.weight,
                (1 + values[:5]) * layer.bias + values[5:],
            )
        else:
            weight = layer.weight + torch.einsum(
                "r,cr,r...->c...", values[:3], change.left, change.right
            )
            bias = layer.bias + values[3:]
        close(found[index : index + 1], layer._conv_forward(x[index : index + 1], weight, bias))


def test_linear_layers_on_sequences_have_their_channels_last():
    layer, x, embeddings = nn.Linear(2, 5).double(), draw(3, 4, 2), draw(3, 4)
    for change in (FiLM(layer, 4).double(), LowRank(layer, 4, 2).double()):
        nn.init.normal_(change.generate.weight, generator=qs.generator(0, "sequence"))
        found = change(layer, x, layer(x), embeddings)
        for step in range(4):
            close(found[:, step], change(layer, x[:, step], layer(x[:, step]), embeddings))


def test_the_channels_of_a_layer_are_those_of_its_output():
    layers = (nn.Linear(2, 5), nn.Conv1d(2, 4, 3), nn.BatchNorm2d(3))
    assert [channels(layer) for layer in layers] == [5, 4, 3]
    with pytest.raises(qs.UserError, match="should be a linear layer, a convolution or a norm"):
        channels(nn.ReLU())


def test_layers_below_the_head_are_modulated():
    model = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))
    assert layers_to_modulate(model, "2.weight", "film") == ("1",)
    assert layers_to_modulate(model, "2.weight", "lowrank") == ("0",)
    with pytest.raises(qs.UserError, match=r"below its head\. Found none"):
        layers_to_modulate(nn.Linear(2, 3), "weight", "film")


def test_outputs_are_changed_inside_only():
    model, x = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), torch.ones(1, 2)
    plain = model(x)
    with modulating(model, {"1": lambda layer, x, output: output + 3}):
        assert torch.equal(model(x), plain + 3)
    assert torch.equal(model(x), plain)


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("0", "scale", "`kind` should be 'film' or 'lowrank'. Found 'scale'"),
        ("9", "film", "`layers` should name layers of the model. Found '9'"),
        ("1", "lowrank", "without groups. Found Conv2d"),
    ],
)
def test_errors(name, kind, says):
    model = nn.Sequential(nn.Linear(2, 2), nn.Conv2d(2, 2, 1, groups=2))
    with pytest.raises(qs.UserError, match=says):
        modulation(model, name, kind, 3, 1)
