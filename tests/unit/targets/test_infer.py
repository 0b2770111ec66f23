"""What labels speak of by themselves, and labels that fit nothing."""

import pytest
import torch

import quickstudy as qs
from quickstudy.targets import Classes, Numbers, Pixels, infer

IMAGES = torch.zeros(2, 3, 1, 4, 4)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (torch.tensor([[0, 2, 1], [1, 1, 0]]), Classes(3)),
        (torch.tensor([[True, False, True]] * 2), Classes(2)),
        (torch.zeros(2, 3), Numbers(())),
        (torch.zeros(2, 3, 2), Numbers((2,))),
        (torch.ones(2, 3, 4, 4).long(), Pixels(2)),
    ],
)
def test_labels_say_it(y, expected):
    assert infer(IMAGES, y) == expected
    assert qs.Batch(IMAGES, y, torch.ones(2, 3)).target == expected


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (torch.zeros(2, 3, 4).long(), "Integer labels should be class indices"),
        (torch.zeros(2, 3, 5, 5).long(), "at the size of the images"),
        (torch.tensor([[0, -1, 1]] * 2), "from 0 on. Found -1"),
    ],
)
def test_labels_that_fit_nothing(y, message):
    with pytest.raises(qs.UserError, match=message):
        infer(IMAGES, y)


def test_a_batch_refuses_labels_of_another_target():
    with pytest.raises(qs.UserError, match="class indices"):
        qs.Batch(IMAGES, torch.zeros(2, 3, 1), torch.ones(2, 3), Classes(2))
