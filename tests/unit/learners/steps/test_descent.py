"""Steps of an optimiser."""

import pytest
import torch

import quickstudy as qs
from quickstudy.learners.steps import Descent, Slope
from quickstudy.learners.steps.descent import places_in_turn


def test_a_step_of_momentum_by_hand():
    rule, state = Descent(0.5, "momentum"), {"w": torch.tensor([[1.0]])}
    state |= rule.slots(state, {})
    for gradient, expected in ((2.0, 0.0), (1.0, -1.4)):
        slope = Slope(torch.zeros(1), {"w": torch.tensor([[gradient]])})
        state = rule.step(state, ("w",), slope, {}, 0)
        torch.testing.assert_close(state["w"], torch.tensor([[expected]]))


def test_examples_come_in_turn_and_padding_last():
    mask = torch.tensor([[1.0, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]])
    turns = [places_in_turn(mask, 2, step).tolist() for step in range(3)]
    assert [turn[0] for turn in turns] == [[0, 1], [2, 3], [4, 0]]
    assert [turn[1] for turn in turns] == [[1, 2], [3, 1], [2, 3]]
    assert [turn[2] for turn in turns] == [[2, 0]] * 3  # and a row that the mask takes out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"inner_lr": -1.0}, "`inner_lr` should be positive. Found inner_lr=-1.0"),
        ({"inner_lr": 1.0, "inner_optimiser": "x"}, "`inner_optimiser` should be one of"),
        ({"inner_lr": 1.0, "batch_size": 0}, "`inner_batch_size` should be at least 1"),
    ],
)
def test_errors(options, says):
    with pytest.raises(qs.UserError, match=says):
        Descent(**options)
