"""The supervised loss of pre-training."""

import math

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from quickstudy.describe import build, describe
from quickstudy.learners import Assembled
from quickstudy.learners.outer import Supervised
from quickstudy.learners.parts import All
from quickstudy.learners.steps import Descent


def classified(mask: torch.Tensor) -> Episode:
    x, y = torch.arange(8.0).reshape(2, 2, 2), torch.tensor([[0, 1], [2, 0]])
    query = Batch(x, y, mask, qs.targets.Classes(3))
    return Episode(query.each(lambda v: v[:, :0]), query, torch.arange(2), qs.Moment(0, "test"))


def pretraining(model: nn.Module, *head: int) -> Assembled:
    return Assembled(model, All(), Descent(0.1), Supervised(*head), 0, statistics="frozen")


def test_a_new_head_gives_all_classes_the_same_probability():
    losses = pretraining(nn.Linear(2, 5), 5, 3).losses(classified(torch.ones(2, 2)))
    assert losses.tolist() == pytest.approx([math.log(3)] * 2)


def test_padding_counts_neither_in_the_loss_nor_in_running_averages():
    model = nn.Sequential(nn.BatchNorm1d(2, momentum=1.0), nn.Linear(2, 3))
    learner = pretraining(model)
    losses = learner.losses(classified(torch.tensor([[1.0, 1.0], [1.0, 0.0]])))
    # the rows of x that are real: (0, 1), (2, 3), (4, 5)
    torch.testing.assert_close(learner.model[0].running_mean, torch.tensor([2.0, 3.0]))
    assert losses.shape == (2,)
    nothing = learner.losses(classified(torch.tensor([[1.0, 1.0], [0.0, 0.0]])))
    assert nothing[1] == 0


def test_it_is_described_by_the_name_of_before():
    description = describe(Supervised(5, 3))
    assert description == {"class": "outer.Supervised", "embedding_size": 5, "classes": 3}
    assert type(build(description)) is Supervised
