"""Expectation maximisation of a prior over classes: its fixed point, and the order of tasks."""

import math

import pytest
import torch

import quickstudy as qs
from quickstudy.learners.linear_prior import with_one
from quickstudy.learners.logistic_bayes import logistic_bayes

GENERATOR = qs.generator(0, "logistic bayes")
SIZE, WAY = 2, 3


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def test_neither_the_order_of_tasks_nor_their_padding_matters():
    sizes = [3, 9, 1, 20, 4]
    x, y = with_one(draw(sum(sizes), SIZE)), torch.arange(sum(sizes)) % WAY
    one = logistic_bayes(x, y, sizes, WAY, iterations=5)
    order = [3, 0, 4, 2, 1]
    parts = [list(zip(x.split(sizes), y.split(sizes), strict=True))[index] for index in order]
    other = logistic_bayes(
        torch.cat([a for a, _ in parts]),
        torch.cat([b for _, b in parts]),
        [sizes[i] for i in order],
        WAY,
        iterations=5,
    )
    torch.testing.assert_close(one.mean, other.mean)
    torch.testing.assert_close(one.factor, other.factor)
    assert one.log_evidence == pytest.approx(other.log_evidence)


def test_a_single_class_teaches_nothing():
    """It is certain: the log evidence is 0, and the prior stays where it starts."""
    found = logistic_bayes(draw(6, SIZE), torch.zeros(6, dtype=torch.long), [2, 4], 1, iterations=3)
    assert found.log_evidence == (0.0, 0.0, 0.0)
    assert not found.mean.any()
    start = math.sqrt(2 / SIZE) * torch.eye(SIZE, dtype=torch.float64)
    torch.testing.assert_close(found.factor[0], start)


def test_full_shrinkage_leaves_a_diagonal_covariance():
    x, y = with_one(draw(40, SIZE)), torch.arange(40) % WAY
    factor = logistic_bayes(x, y, [10] * 4, WAY, iterations=3, shrinkage=1.0).factor
    torch.testing.assert_close(factor, torch.diag_embed(factor.diagonal(dim1=1, dim2=2)))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: logistic_bayes(torch.zeros(2, 1), torch.arange(2), [2], 2, shrinkage=2.0),
            "from 0 to 1. Found 2.0",
        ),
        (lambda: logistic_bayes(torch.zeros(0, 1), torch.arange(0), [], 2), "at least one row"),
    ],
)
def test_mistakes(act, message):
    with pytest.raises(qs.UserError, match=message):
        act()
