"""Norms of each step."""

import torch
from torch import nn

from quickstudy.learners.steps import StepNorms
from quickstudy.models.norm import TaskNorm


def test_the_first_are_the_models_and_the_last_go_on():
    model, norms = nn.Sequential(nn.Linear(2, 3), TaskNorm(3)), StepNorms()
    norms.attach(model, 2)
    assert norms.names == ("1.weight", "1.bias")
    weights = {name: value + 5 for name, value in model.named_parameters()}
    learned = {"0": torch.arange(6.0).reshape(2, 3)}
    found = [norms.after(weights, learned, step)["1.weight"] for step in (0, 1, 2, 7)]
    expected = [weights["1.weight"], *learned["0"], learned["0"][1]]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert torch.equal(norms.after(weights, learned, 1)["1.bias"], norms[1][0])


def test_reset_is_scale_1_and_shift_0():
    norms = StepNorms()
    norms.attach(nn.Sequential(TaskNorm(2)), 1)
    with torch.no_grad():
        for values in norms:
            values.add_(3)
    norms.reset_parameters()
    assert [values.tolist() for values in norms] == [[[1, 1]], [[0, 0]]]


def test_a_norm_that_is_the_network_is_found():
    norms = StepNorms()
    norms.attach(TaskNorm(2), 1)
    assert norms.names == ("weight", "bias")
