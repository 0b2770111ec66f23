"""Bends and products of inputs, by hand."""

import pytest
import torch

import quickstudy as qs


def test_bends_and_products_of_inputs():
    x = torch.tensor([[[2.0, -3.0]], [[0.5, 9.0]]])
    model = qs.models.Expansion(2, knots=((0.0, 1.0), ()), products=((0, 1), (1, 1)))
    assert model(x).tolist() == [[2, -3, 2, 1, -6, 9], [0.5, 4, 0.5, 0, 2, 16]]
    assert model.embedding_size == 6 and not list(model.parameters())


def test_without_knots_and_products_inputs_are_as_they_are():
    x = torch.tensor([[1.0, -2.0]])
    assert torch.equal(qs.models.Expansion(2)(x), x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "`inputs` should be at least 1. Found inputs=0"),
        ((2, ((1.0,),)), "`knots` should have those of all 2 inputs. Found 1"),
        ((2, (), ((0, 2),)), "`products` should hold places below 2"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        qs.models.Expansion(*arguments)
