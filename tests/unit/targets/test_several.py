"""Several targets side by side; learners/test_mixed_targets.py tests their joint loss."""

import math

import torch

from quickstudy.targets import Classes, Numbers, Several


def test_one_target_of_a_kind_is_that_kind():
    scores, y = torch.randn(2, 4, 3), torch.tensor([[0.0, 1, 2, 0]] * 2)
    classes = Classes(3).losses(scores, y.long())
    torch.testing.assert_close(Several((3,)).losses(scores, y.unsqueeze(-1)), classes)
    numbers = Numbers().losses(scores[..., :1], y.unsqueeze(-1))
    torch.testing.assert_close(Several((0,)).losses(scores[..., :1], y.unsqueeze(-1)), numbers)


def test_scores_are_cut_and_answered_by_target():
    target, scores = Several((0, 2, 0)), torch.tensor([[[7.0, 0.0, 0.0, 9.0]]])
    assert [tuple(part.shape) for part in target.split(scores)] == [(1, 1), (1, 1, 2), (1, 1)]
    assert target.answers(scores).tolist() == [[[7.0, 0.5, 0.5, 9.0]]]


def test_the_guess_of_each_reads_its_own_labels():
    y = torch.tensor([[[1.0, 0.0], [3.0, math.nan], [math.nan, 1.0]]])
    guess = Several((0, 2)).guess(y, torch.ones(1, 3))
    torch.testing.assert_close(guess, torch.tensor([[2.0, math.log(2 / 4), math.log(2 / 4)]]))
