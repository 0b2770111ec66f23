"""Arrays in a file: as they are in memory."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.describe import build, describe
from quickstudy.tasks import ArrayFile, Arrays
from tests.unit.tasks.pools import draw

draws = np.random.default_rng(0)
X, Y, TASK = draws.normal(size=(40, 3)), draws.normal(size=40), np.arange(40) % 8


def test_classes_are_those_of_the_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=X, y=TASK)
    own, memory = (data.split("train") for data in (ArrayFile(tmp_path / "a.npz"), Arrays(X, TASK)))
    assert own.names == memory.names and torch.equal(own.x, memory.x)


def test_tasks_and_splits_are_read(tmp_path):
    parts = np.array(["train", "validation", "test", "train"])
    np.savez(tmp_path / "a.npz", x=X, y=Y, task=TASK, split=parts[TASK % 4])
    data = ArrayFile(tmp_path / "a.npz")
    assert data.split("validation").names == ("1", "5") and data.split("test").names == ("2", "6")
    source = data.tasks("train", shot=2, query=3)
    again = build(describe(source))
    assert torch.equal(draw(again).query.y, draw(source).query.y)
    assert data.everything().names == tuple(map(str, range(8)))
    assert data.notes() == ["8 tasks: 4 to train, 2 to validate, 2 to test."]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "Found no such file"),
        (lambda path: path.write_bytes(b"PK mine"), "It cannot be read"),
        (lambda path: path.write_bytes(b""), "It cannot be read"),
        (lambda path: np.savez(path, x=X), "should hold the arrays x and y"),
        (lambda path: np.savez(path, x=X, y=np.array([{}] * 40)), "It cannot be read"),
    ],
)
def test_a_file_that_is_wrong(tmp_path, make, message):
    make(tmp_path / "a.npz")
    with pytest.raises(qs.UserError, match=message):
        ArrayFile(tmp_path / "a.npz")
