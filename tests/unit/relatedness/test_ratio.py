"""Ratios, and their gradient, where the whole is 0."""

import torch

from quickstudy.relatedness.ratio import ratio


def test_a_ratio_is_zero_where_the_whole_is_not_positive():
    whole = torch.tensor([2.0, 0.0, -1.0])
    assert ratio(3.0, whole).tolist() == [1.5, 0, 0]
    assert ratio(torch.tensor([1.0, 0.0, 5.0]), whole).tolist() == [0.5, 0, 0]


def test_its_gradient_is_finite_there():
    whole = torch.tensor([2.0, 0.0], requires_grad=True)
    ratio(1.0, whole).sum().backward()
    assert whole.grad.tolist() == [-0.25, 0]
