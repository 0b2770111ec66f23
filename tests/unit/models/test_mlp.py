"""The multi-layer perceptron: its layers and parts."""

import torch

import quickstudy as qs


def test_it_flattens_and_names_its_parts():
    model = qs.models.MLP(inputs=6, outputs=2, hidden=(5, 4))
    assert model(torch.zeros(3, 2, 3)).shape == (3, 2)
    shapes = [(5, 6), (5,), (4, 5), (4,), (2, 4), (2,)]
    assert [tuple(p.shape) for p in model.parameters()] == shapes
    assert model.gives == "scores"


def test_without_outputs_it_gives_the_last_hidden_layer():
    model = qs.models.MLP(6, None, (5, 4))
    x = torch.randn(3, 6, generator=qs.generator(0, "x"))
    assert model(x).shape == (3, 4) and (model(x) >= 0).all()
    assert (model.gives, model.embedding_size) == ("embeddings", 4)


def test_without_hidden_layers_it_is_linear():
    model = qs.models.MLP(3, 2, hidden=())
    x = torch.randn(5, 3, generator=qs.generator(0, "x"))
    torch.testing.assert_close(model(x), x @ model.head.weight.T + model.head.bias)
