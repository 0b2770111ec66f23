"""Predictions in plain values, and the table of them."""

import io

import torch
from rich.console import Console

import quickstudy as qs
from quickstudy.cli.predict import _cell, _predictions, _table
from quickstudy.cli.task_files import Task


def test_the_class_of_a_prototype_is_sure_and_left_out_outputs_are_not_shown():
    learner = qs.ProtoNet(torch.nn.Identity())
    support = qs.Batch.of(10 * torch.eye(2), [0, 1])
    found = _predictions(learner, learner.adapt(support), Task(("a", "b"), True), support.x[0])
    assert [one["label"] for one in found] == ["a", "b"]
    assert all(abs(sum(one["probabilities"].values()) - 1) < 1e-6 for one in found)


def test_many_examples_are_predicted_as_few_are():
    learner = qs.ProtoNet(torch.nn.Identity())
    adapted = learner.adapt(qs.Batch.of(torch.eye(2), [0, 1]))
    x = torch.randn(600, 2, generator=qs.generator(0, "x"))
    task = Task(("a", "b"), True)
    parts = [_predictions(learner, adapted, task, part) for part in x.split(7)]
    assert _predictions(learner, adapted, task, x) == [one for part in parts for one in part]


def test_the_table_of_classes():
    found = [{"file": "f", "example": 1, "probabilities": {"a": 0.25, "b": 0.75}, "label": "b"}]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(_table(found, Task(("a", "b"), True), "title"))
    text = console.export_text()
    assert "next best" in text and "75.0%" in text and "a 25.0%" in text


def test_cells():
    one = {
        "values": {"sold": 2.0},
        "interval_90": {"sold": [1.0, 3.5]},
        "labels": {"kind": "b"},
        "probabilities": {"kind": {"a": 0.25, "b": 0.75}},
    }
    assert _cell(one, "sold") == "2  (1 to 3.5)"
    assert _cell(one, "kind") == "b 75.0%"
    assert _cell({"values": {"sold": 2.0}}, "sold") == "2"
