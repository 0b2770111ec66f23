"""Predictions in plain values."""

import torch

import quickstudy as qs
from quickstudy.cli.predictions import predictions_of
from quickstudy.cli.task_files import Task


def test_the_class_of_a_prototype_is_sure_and_left_out_outputs_are_not_shown():
    learner = qs.ProtoNet(torch.nn.Identity())
    support = qs.Batch.of(10 * torch.eye(2), [0, 1])
    found = predictions_of(learner, learner.adapt(support), Task(("a", "b"), True), support.x[0])
    assert [one["label"] for one in found] == ["a", "b"]
    assert all(abs(sum(one["probabilities"].values()) - 1) < 1e-6 for one in found)


def test_many_examples_are_predicted_as_few_are():
    learner = qs.ProtoNet(torch.nn.Identity())
    adapted = learner.adapt(qs.Batch.of(torch.eye(2), [0, 1]))
    x = torch.randn(600, 2, generator=qs.generator(0, "x"))
    task = Task(("a", "b"), True)
    parts = [predictions_of(learner, adapted, task, part) for part in x.split(7)]
    assert predictions_of(learner, adapted, task, x) == [one for part in parts for one in part]
