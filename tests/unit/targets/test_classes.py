"""One class for every example: losses, values and errors against closed forms."""

import math

import pytest
import torch

import quickstudy as qs
from quickstudy.targets import Classes


def test_the_loss_is_the_cross_entropy_and_padding_counts_nothing():
    scores = torch.tensor([[[0.0, math.log(3)], [5.0, 1.0]]])
    y, mask = torch.tensor([[1, 0]]), torch.tensor([[1.0, 0.0]])
    torch.testing.assert_close(Classes(2).losses(scores, y, mask), torch.tensor([math.log(4 / 3)]))
    assert torch.equal(Classes(2).losses(scores, y, mask * 0), torch.zeros(1))


def test_accuracy_counts_a_task_of_nan_as_nan():
    scores = torch.tensor([[[1.0, 0], [1, 0]], [[1, 0], [math.nan, 0]]])
    values = Classes(2).values(scores, torch.tensor([[0, 1], [0, 1]]))
    assert values["accuracy"][0] == 0.5 and values["accuracy"][1].isnan()


def test_an_impossible_class_costs_much_but_not_infinitely():
    scores = torch.tensor([[[0.0, -torch.inf]]])
    values = Classes(2).values(scores, torch.tensor([[1]]))
    assert values["log_loss"].isfinite().all() and values["log_loss"] > 10
    assert values["accuracy"] == 0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64, torch.bool])
def test_labels_of_every_integer_dtype(dtype):
    y = torch.tensor([[0, 1, 1]]).to(dtype)
    expected = Classes(2).losses(torch.eye(3)[None, :, :2], torch.tensor([[0, 1, 1]]))
    torch.testing.assert_close(Classes(2).losses(torch.eye(3)[None, :, :2], y), expected)


def test_the_guess_is_the_frequencies_with_one_example_added():
    guess = Classes(3).guess(torch.tensor([[0, 0, 1, 2]]), torch.tensor([[1.0, 1, 1, 0]]))
    torch.testing.assert_close(guess.exp(), torch.tensor([[3 / 6, 2 / 6, 1 / 6]]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Classes(0), "`way` should be at least 1"),
        (lambda: Classes(3).losses(torch.zeros(1, 1, 2), torch.zeros(1, 1).long()), "0 to 1"),
        (lambda: Classes(2).check(torch.zeros(1, 1)), "class indices"),
        (lambda: Classes(2).check(torch.zeros(1, 1, 4).long()), "class indices"),
    ],
)
def test_mistakes(wrong, message):
    with pytest.raises(qs.UserError, match=message):
        wrong()
