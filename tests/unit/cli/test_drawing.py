"""The data of a training and its tasks, and a way that fits small folders."""

import numpy as np
import pytest

from quickstudy.cli.asked import asked
from quickstudy.cli.drawing import (
    note_on_way,
    open_data,
    training_tasks,
    validation_tasks,
    with_fitting_way,
)
from quickstudy.errors import UserError


@pytest.fixture
def small(tmp_path):
    """A file of 20 classes of images: 12 to train, 4 to validate, 4 to test."""
    path = tmp_path / "small.npz"
    images = np.random.default_rng(0).integers(0, 255, (160, 8, 8), dtype=np.uint8)
    np.savez(path, x=images, y=np.arange(160) % 20)
    return str(path)


def test_the_way_of_a_recipe_is_lowered_to_the_smallest_split(small):
    found = asked("protonet", ["--data", small, "--query", "3"])
    data = open_data(found)
    fitting = with_fitting_way(found, data)
    assert (found["way"], fitting["way"], fitting.settings["way"]) == (60, 4, 4)
    assert training_tasks(fitting, data).describe()["way"] == 4
    assert validation_tasks(fitting, data).describe()["way"] == 4
    assert note_on_way(found, fitting, data) == [
        "Tasks have 4 classes, not 60: split 'validation' has 4. Option --way sets another number."
    ]


def test_a_way_that_is_given_stays(small):
    found = asked("protonet", ["--data", small, "--query", "3", "--way", "9"])
    data = open_data(found)
    assert with_fitting_way(found, data) is found and note_on_way(found, found, data) == []
    with pytest.raises(UserError, match="Found way=9, 4 classes"):
        data.tasks("test", way=9, shot=1, query=3)


@pytest.mark.parametrize(
    ("learner", "data", "way"), [("protonet", "glyphs", 60), ("maml", "sinusoid", None)]
)
def test_a_way_that_fits_stays(learner, data, way):
    found = asked(learner, ["--data", data])
    fitting = with_fitting_way(found, open_data(found))
    assert fitting is found and found.values.get("way") == way


def test_training_on_fewer_classes():
    found = asked("maml", ["--data", "glyphs", "--train-way", "2"])
    data = open_data(found)
    assert training_tasks(found, data).describe()["way"] == 2
    assert validation_tasks(found, data).describe()["way"] == 5
    more = asked("maml", ["--data", "glyphs", "--train-way", "9"])
    with pytest.raises(UserError, match=r"--train-way should be at most --way, 5\. Found 9"):
        training_tasks(more, data)


def test_pre_training_is_on_all_classes():
    found = asked("finetune", ["--data", "glyphs"])
    source = training_tasks(found, open_data(found))
    assert source.describe()["batch_size"] == found["tasks_per_step"] == 128
