"""A new user's folder of pictures, from training to export, by the command line only."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.unit.cli.processes import run

README = Path(__file__).parents[3] / "README.md"
QUICK = {
    "train": "--size 16 --steps 4 --validation-tasks 4 --model-channels 4",
    "evaluate": "--num-tasks 20 --baselines quick",
    "report": "--num-tasks 10 --baselines quick",
}
"""Options that make the commands of the README quick."""


def pictures(folder, classes, count, seed=0):
    """Colour pictures of different sizes: each class has its own pattern, with noise."""
    for name in classes:
        pattern = np.random.default_rng(hash_of(name)).integers(0, 255, (4, 4, 3))
        (folder / name).mkdir(parents=True)
        for i in range(count):
            noise = np.random.default_rng([seed, i]).integers(0, 60, (4, 4, 3))
            pixels = (0.7 * pattern + noise).astype(np.uint8)
            size = (20 + i % 5, 24)
            Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).save(
                folder / name / f"{i}.png"
            )


def hash_of(name):
    return [ord(letter) for letter in name]


def commands():
    """The commands of the README's section on a folder of pictures."""
    section = README.read_text("utf-8").split("## Your own pictures")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    lines = [line.partition("#")[0].split() for line in block.splitlines()]
    return [line[1:] for line in lines if line and line[0] == "quickstudy"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("own")
    pictures(place / "pictures", [f"animal{i}" for i in range(30)], 20)
    pictures(place / "new", ["ant", "bee", "cow"], 3)
    pictures(place / "more", ["ant", "bee", "cow"], 5, seed=1)
    return place


def test_the_commands_of_the_readme(folder, monkeypatch):
    monkeypatch.chdir(folder)
    done = {}
    assert [words[0] for words in commands()] == [
        *("train", "evaluate", "report", "adapt", "predict", "export")
    ]
    for words in commands():
        quick = shlex.split(QUICK.get(words[0], ""))
        drop = {"--size"} if words[0] == "train" else set()
        done[words[0]] = run(folder, *without(words, drop), *quick)
        assert done[words[0]].code == 0, done[words[0]].err
    assert "30 classes: 18 to train, 6 to validate, 6 to test." in done["train"].err
    assert "600 images in pictures, brought to 16×16 pixels, colour." in done["train"].err
    assert "Tasks have 6 classes, not 60: split 'validation' has 6." in done["train"].err
    assert "images/test, 6-way 1-shot" in done["evaluate"].out
    assert (folder / "runs" / "pictures" / "report.html").exists()
    assert "3 classes: ant (3 images), bee (3 images), cow (3 images)." in done["adapt"].err
    assert "over 15 examples whose class is known" in done["predict"].out
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15 and {row["true class"] for row in rows} == {"ant", "bee", "cow"}
    model = torch.export.load(folder / "model.pt2").module()
    assert model(torch.zeros(2, 3, 16, 16)).shape == (2, 3)


def test_the_run_is_evaluated_on_another_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)
    asked = "--way 3 --num-tasks 5 --baselines none --json"
    done = run(folder, "evaluate", "runs/pictures", "--data", "more", *asked.split())
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["source"]["num_classes"], found["way"], found["source"]["query"]) == (3, 3, 4)
    for options, message in {
        "--data more": "Found way=6, 3 classes in 'images'",
        "--root more": "Source images has no option `root`",
        "--steps 3": "--steps is for learners with inner steps. ProtoNet has none",
        "--data nothing": "neither a name nor a path",
    }.items():
        done = run(folder, "evaluate", "runs/pictures", "--num-tasks", "5", *options.split())
        assert done.code == 2 and message in done.err and done.err.count("\n") == 1


def without(words, flags):
    """The words of a command without some options and their values."""
    kept, rest = [], iter(words)
    for word in rest:
        if word in flags:
            next(rest)
        else:
            kept.append(word)
    return kept
