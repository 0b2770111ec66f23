"""A new task in a folder of images or a CSV file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import quickstudy as qs
from quickstudy.cli.adapting import AdaptOptions
from quickstudy.cli.new_files import folder_of_images, lines_of_table
from quickstudy.errors import UserError
from quickstudy.training import Trained

POINTS = "a,b,kind\n0,1,low\n2,3,high\n4,5,low\n"


def trained(learner, **details):
    return Trained(Path("run"), learner, details)


def on_points(learner, tmp_path, **options):
    (tmp_path / "points.csv").write_text(POINTS)
    return lines_of_table(learner, AdaptOptions(Path("run"), tmp_path / "points.csv", **options))


def test_classes_from_lines(tmp_path):
    run = trained(qs.ProtoNet(torch.nn.Identity()))
    new = on_points(run, tmp_path, label="kind")
    assert (new.task.outputs, new.task.columns) == (("low", "high"), ("a", "b"))
    assert new.support.x.tolist() == [[[0, 1], [2, 3], [4, 5]]]
    assert new.support.y.tolist() == [[0, 1, 0]]
    assert new.notes == ["2 classes: low (2 examples), high (1 example)."]


def test_numbers_from_lines(tmp_path):
    (tmp_path / "points.csv").write_text("x,y\n1,2\n3,4\n")
    files = AdaptOptions(Path("run"), tmp_path / "points.csv")
    learner = qs.MAML(qs.models.MLP(1, 1), inner_lr=0.1)
    run = trained(learner, source={"source": "sinusoid"})
    new = lines_of_table(run, files)  # a run of functions predicts the last column
    assert (new.task.outputs, new.task.classifies) == (("y",), False)
    assert new.support.y.tolist() == [[[2], [4]]] and new.notes == ["2 examples."]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"named by --label\. Found no 'label'"),
        ({"ink": "dark"}, "Option --ink is for images"),
        ({"label": "kind", "target": ("a",)}, "exclude each other"),
        ({"label": "a"}, "should be the 3 inputs of the model. Found 2: b, kind"),
        ({"target": ("a",)}, "ProtoNet cannot predict a"),
    ],
)
def test_mistakes(tmp_path, options, message):
    run = trained(qs.ProtoNet(qs.models.MLP(3, None)))
    with pytest.raises(UserError, match=message):
        on_points(run, tmp_path, **options)


def test_a_folder_of_images(tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        pixels = np.full((8, 8), 255, dtype=np.uint8)
        pixels[3:5, 3:5] = 0
        Image.fromarray(pixels).save(tmp_path / name / "0.png")
    run = trained(qs.ProtoNet(qs.models.Conv4(None, channels=2)))
    files = AdaptOptions(Path("run"), tmp_path, ink="dark")
    new = folder_of_images(run, files)
    assert new.task.outputs == ("ant", "bee") and new.task.example == (1, 28, 28)
    assert new.support.x.shape == (1, 2, 1, 28, 28)
    assert new.notes == [
        "2 classes: ant (1 image), bee (1 image).",
        "2 of 2 images have dark ink on light paper and were inverted; --ink dark or light decides "
        "for all.",
        "Images are brought to 28×28 pixels, grey.",
    ]
    with pytest.raises(UserError, match="This run learned sinusoids"):
        folder_of_images(trained(run.learner, source={"source": "sinusoid"}), files)
