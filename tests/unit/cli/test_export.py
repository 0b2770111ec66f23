"""A mastered task as a plain function of its inputs."""

from pathlib import Path

import pytest
import torch

import quickstudy as qs
from quickstudy.cli.export import _input_in_words, _use, main
from quickstudy.cli.task_files import Task
from quickstudy.tasks import ImageForm

POINTS = Task(("low", "high"), True, columns=("a", "b"), label="kind")


def test_the_exported_model_scores_as_the_learner(tmp_path, capsys):
    learner = qs.ProtoNet(torch.nn.Identity())
    adapted = learner.adapt(qs.Batch.of(torch.eye(2), [0, 1]))
    qs.save_adapted(tmp_path / "task.qs", learner, adapted, POINTS.to_dict())
    assert main([str(tmp_path / "task.qs"), "--out", str(tmp_path / "model.pt2")]) == 0
    assert "For x [example, 2]:\n  import torch; torch.export.load(" in capsys.readouterr().err
    x = torch.tensor([[0.0, 1.0], [3.0, 0.5], [1.0, 1.0]])
    scores = torch.export.load(tmp_path / "model.pt2").module()(x)
    # the scores of a prototype are minus the squared distances to it
    expected = -(x[:, None] - torch.eye(2)).square().sum(-1)
    torch.testing.assert_close(scores.log_softmax(1), expected.log_softmax(1))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (ImageForm(28, 1, "auto"), "[example, 1, 28, 28], ink 1 on 0"),
        (ImageForm(28, 3, None), "[example, 3, 28, 28]"),
    ],
)
def test_the_input_in_words(form, words):
    assert _input_in_words(Task(("a", "b"), True, form)) == words


def test_the_line_of_python():
    assert _use(Path("m.pt2")) == "import torch; torch.export.load('m.pt2').module()(x)"
    assert _use(Path("m.onnx")).endswith("InferenceSession('m.onnx').run(None, {'x': x})")
