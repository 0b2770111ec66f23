"""A resumed run has the options that it was begun with."""

import json

import numpy as np
import pytest

import quickstudy as qs
from quickstudy.cli.asked import asked
from quickstudy.cli.begun import as_begun
from quickstudy.errors import UserError
from tests.unit.cli.processes import run


def begun(folder, *words, **settings):
    """A folder of a run that was begun with the options ``words``."""
    found = asked("protonet", ["--data", "glyphs", *words])
    (folder / "last.safetensors").touch()
    (folder / "run.json").write_text(json.dumps({"settings": found.settings | settings}))
    return folder


def test_nothing_was_begun(tmp_path):
    found = asked("protonet", ["--data", "glyphs"])
    assert as_begun(found, tmp_path) is found


def test_a_lowered_way_is_taken_over(tmp_path):
    begun(tmp_path, way=18)
    found = as_begun(asked("protonet", ["--data", "glyphs", "--threads", "1"]), tmp_path)
    assert found["way"] == 18 and "way" in found.given
    with pytest.raises(UserError, match=r"--way 18\. Found --way 5"):
        as_begun(asked("protonet", ["--data", "glyphs", "--way", "5"]), tmp_path)


def test_more_steps_need_a_constant_rate(tmp_path):
    more = ["--data", "glyphs", "--steps", "9"]
    begun(tmp_path, "--schedule", "constant", "--steps", "3")
    assert as_begun(asked("protonet", [*more, "--schedule", "constant"]), tmp_path)["steps"] == 9
    begun(tmp_path, "--steps", "3")
    with pytest.raises(UserError, match=r"begun with, --steps 3\. Found --steps 9"):
        as_begun(asked("protonet", more), tmp_path)


def test_a_run_of_the_library(tmp_path):
    (tmp_path / "last.safetensors").touch()
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match="was not trained by the command line"):
        as_begun(asked("protonet", ["--data", "glyphs"]), tmp_path)


def test_a_run_with_a_lowered_way_goes_on_exactly(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (160, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "small.npz", x=images, y=np.arange(160) % 20)
    few = "--query 3 --channels 4 --validation-tasks 2 --schedule constant --data"
    command = ("train", "protonet", *few.split(), tmp_path / "small.npz", "--out")
    whole = run(tmp_path / "a", *command, tmp_path / "whole", "--steps", 4)
    assert whole.code == 0 and "Tasks have 4 classes, not 60" in whole.err, whole.err
    for steps in (2, 4):
        done = run(tmp_path / "b", *command, tmp_path / "parts", "--steps", steps, "--resume")
        assert done.code == 0, done.err
    one, other = (
        qs.load(tmp_path / name / "last.safetensors").state_dict() for name in ("whole", "parts")
    )
    assert all(bool((value == other[name]).all()) for name, value in one.items())
    details = json.loads((tmp_path / "parts" / "run.json").read_text())
    assert details["settings"]["way"] == 4
