"""A mastered task used on new files."""

import json

import pytest
import torch

import quickstudy as qs
from quickstudy.cli.predict import main
from quickstudy.cli.task_files import Task
from quickstudy.errors import UserError


@pytest.fixture
def files(tmp_path):
    """A mastered task of two prototypes, at (1, 0) and (0, 1), and points with their classes."""
    learner = qs.ProtoNet(torch.nn.Identity())
    adapted = learner.adapt(qs.Batch.of(torch.eye(2), [0, 1]))
    task = Task(("low", "high"), True, columns=("a", "b"), label="kind")
    qs.save_adapted(tmp_path / "task.qs", learner, adapted, task.to_dict())
    (tmp_path / "new.csv").write_text("a,b,kind\n1,0,low\n0,1,high\n1,1,low\n0,2,low\n")
    return [str(tmp_path / "task.qs"), str(tmp_path / "new.csv")]


def test_one_json_object(files, capsys):
    assert main([*files, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["transductive"]) == (files[0], False)
    assert [one["label"] for one in found["predictions"]][:2] == ["low", "high"]
    assert [one["example"] for one in found["predictions"]] == [1, 2, 3, 4]
    # a point as far from both prototypes is of either class
    assert found["predictions"][2]["probabilities"]["low"] == pytest.approx(0.5)
    assert found["judged"] == {"class": {"accuracy": 0.75, "examples": 4}}


def test_a_file_of_predictions(files, tmp_path, capsys):
    assert main([*files, "--out", str(tmp_path / "out.csv")]) == 0
    assert capsys.readouterr().out == (
        f"4 predictions are in {tmp_path / 'out.csv'}.\n"
        "accuracy 75.0 % over 4 examples whose class is known\n"
    )
    assert (tmp_path / "out.csv").read_text().count("\n") == 5


def test_a_folder_is_no_file_of_predictions(files, tmp_path):
    with pytest.raises(UserError, match="--out should name a file"):
        main([*files, "--out", str(tmp_path)])
