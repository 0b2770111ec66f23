"""What every learner does around its method: modes, steps and shapes."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from quickstudy.models.functional import evaluating

SUPPORT = Batch.of(torch.eye(2), torch.tensor([0, 1]))


def test_evaluating_puts_every_mode_back():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2))
    model[1].eval()
    with evaluating(model):
        assert not any(part.training for part in model.modules())
    assert [part.training for part in model.modules()] == [True, True, False]


def test_adapting_and_predicting_keep_no_graph():
    learner = qs.ProtoNet(nn.Linear(2, 3))
    adapted = learner.adapt(SUPPORT)
    scores = learner.predict(adapted, torch.zeros(1, 4, 2))
    assert not scores.requires_grad
    assert not any(value.requires_grad for value in adapted.values())


@pytest.mark.parametrize("steps", [[2, 1], [-1]])
def test_steps_ascend_from_zero(steps):
    learner = qs.ProtoNet(nn.Identity())
    with pytest.raises(qs.UserError, match="`steps` should hold numbers from 0 on, in ascending"):
        next(learner.adaptations(SUPPORT, steps))


def test_new_examples_are_of_the_adapted_tasks():
    learner = qs.ProtoNet(nn.Identity())
    with pytest.raises(qs.UserError, match=r"with the 1 tasks that were adapted to\. Found shape"):
        learner.predict(learner.adapt(SUPPORT), torch.zeros(2, 4, 2))


def test_a_target_that_is_not_served_is_refused_with_the_reason():
    with pytest.raises(qs.UserError, match=r"ProtoNet cannot serve Numbers.*It classifies"):
        qs.ProtoNet(nn.Identity()).check(qs.targets.Numbers((1,)))


def test_learners_without_an_inner_loop_are_not_compiled():
    learner = qs.ProtoNet(nn.Identity())
    with pytest.raises(qs.UserError, match="Only learners with an inner loop are compiled"):
        learner.pure_losses()
    assert learner.most_together(SUPPORT) is None
