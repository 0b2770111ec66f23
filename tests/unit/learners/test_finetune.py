"""Finetune: pre-training, then steps on the support set."""

import math

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from tests.unit.learners.slope import RATE, SUPPORT, loss_and_gradients, slope


def test_training_is_supervised_and_adapting_takes_steps():
    learner = qs.Finetune(slope(), inner_lr=RATE, test_steps=2, inner_optimiser="sgd")
    loss, gradients = loss_and_gradients(learner)
    assert loss == pytest.approx(4)
    assert gradients == {"model.weight": pytest.approx(-4)}
    assert learner.adapt(SUPPORT)["weight"].item() == pytest.approx(2.5)
    assert learner.model_output() == "scores"


def test_classes_get_a_new_head_that_starts_at_zero():
    learner = qs.Finetune(nn.Linear(2, 3), pretraining_classes=7, embedding_size=3, test_steps=0)
    support = Batch.of(torch.eye(2), torch.tensor([0, 1]))
    adapted = learner.adapt(support)
    assert (learner.predict(adapted, torch.rand(1, 4, 2)) == torch.zeros(1, 4, 2)).all()
    assert learner.model_output() == "embeddings"
    episode = qs.Episode(support, support, torch.tensor([0]), qs.Moment(0, "test"))
    assert learner.losses(episode).item() == pytest.approx(math.log(7))
