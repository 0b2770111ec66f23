"""Powers of inputs, by hand."""

import pytest
import torch

import quickstudy as qs


def test_powers_of_inputs():
    x = torch.tensor([[[2.0, -3.0]], [[0.5, 9.0]]])
    model = qs.models.Powers(2, degree=3)
    assert model(x).tolist() == [[2, -3, 4, 9, 8, -27], [0.5, 4, 0.25, 16, 0.125, 64]]
    assert model.embedding_size == 6 and not list(model.parameters())


@pytest.mark.parametrize(("arguments", "name"), [((0,), "inputs"), ((2, 0), "degree")])
def test_numbers_below_one_are_refused(arguments, name):
    with pytest.raises(qs.UserError, match=f"`{name}` should be at least 1. Found {name}=0."):
        qs.models.Powers(*arguments)
