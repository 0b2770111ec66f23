"""`quickstudy train` on anything: pictures, tables, arrays, and classes of the user's own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import quickstudy as qs
from tests.unit.cli.processes import Done, run

MINE = """
import torch
import quickstudy as qs

class Patient(qs.MAML):
    "MAML that waits."

    def __init__(self, model: torch.nn.Module, inner_lr: float = 0.1, patience: int = 2) -> None:
        super().__init__(model, inner_lr)
        self.patience = patience

class Net(torch.nn.Module):
    "A network of one's own."

    def __init__(self, in_features: int, out_features: int, width: int = 8) -> None:
        super().__init__()
        self.in_features, self.out_features, self.width = in_features, out_features, width
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(in_features, width), torch.nn.Tanh(),
            torch.nn.Linear(width, out_features),
        )

    def forward(self, x):
        return self.layers(x)

class Slopes(qs.tasks.TaskSource):
    "Lines of one's own."

    def __init__(self, shot: int = 3, steepest: float = 1.0) -> None:
        self.shot, self.steepest = shot, steepest
        self.target = qs.targets.Numbers((1,))

    def sample(self, num_tasks, moment):
        draw = moment.generator()
        slope = self.steepest * torch.rand(num_tasks, 1, 1, generator=draw)
        x = torch.rand(num_tasks, 2 * self.shot, 1, generator=draw)
        y, mask = slope * x, torch.ones(num_tasks, 2 * self.shot)
        parts = [
            qs.Batch(x[:, rows], y[:, rows], mask[:, rows], self.target)
            for rows in (slice(self.shot), slice(self.shot, None))
        ]
        return qs.Episode(*parts, torch.arange(num_tasks), moment)

    def describe(self):
        return {"source": "slopes", "shot": self.shot}
"""
FEW = ("--steps", "2", "--tasks-per-step", "2", "--validation-tasks", "2")


def program(folder: Path, *words: object) -> Done:
    """Run the program in ``folder``, where modules of the user's are found."""
    done = subprocess.run(
        [sys.executable, "-m", "quickstudy", *map(str, words)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_learner_and_a_network_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    train = ("train", "mine:Patient", "--data", "sinusoid", *FEW, "--model", "mine:Net")
    own = ("--width", 5, "--patience", 7)
    done = program(tmp_path, *train, *own)
    assert done.code == 0, done.err
    folder = Path(re.search(r"the run is in (\S+)\. Next", done.err)[1])
    assert folder.name.endswith("-Patient-sinusoid")
    assert (tmp_path / "runs/latest").resolve() == (tmp_path / folder).resolve()
    refused = program(tmp_path, "evaluate", folder, "--num-tasks", 2)
    assert refused.code == 2 and "--classes mine:" in refused.err
    classes = ("--classes", "mine:Patient", "mine:Net")
    found = program(tmp_path, "evaluate", "--num-tasks", 2, "--json", *classes)
    assert found.code == 0, found.err
    more = program(tmp_path, *train, *own, "--resume")
    assert more.code == 0 and "at step 2" in more.err
    other = program(tmp_path, *train, "--width", 5, "--resume")
    assert other.code == 2 and "--patience 7. Found --patience 2" in other.err


def test_tasks_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    train = ("train", "maml", "--data", "mine:Slopes", "--model", "mlp", *FEW, "--out", "run")
    done = program(tmp_path, *train, "--shot", 4, "--steepest", 2)
    assert done.code == 0, done.err
    details = json.loads((tmp_path / "run" / "run.json").read_text())
    assert details["tasks"] == {"class": "mine:Slopes", "shot": 4, "steepest": 2.0}
    judge = ("evaluate", "run", "--num-tasks", 2, "--json", "--classes", "mine:Slopes")
    found = program(tmp_path, *judge)
    assert found.code == 0, found.err
    assert json.loads(found.out)["source"] == {"source": "slopes", "shot": 4}
    other = program(tmp_path, *judge, "--data", "mine:Slopes")
    assert json.loads(other.out)["source"] == {"source": "slopes", "shot": 3}
    wrong = program(tmp_path, *train, "--way", 4)
    assert wrong.code == 2 and "Option --way is unknown here" in wrong.err


def test_mistakes_with_classes_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    for words, message in {
        ("mine:Nothing",): "mine:Nothing should name a class. It cannot be imported",
        ("mine:Net", "--data", "sinusoid"): "mine:Net should be a learner",
        ("maml", "--model", "mine:Nothing"): "mine:Nothing should name a class",
        ("maml", "--model", "mine:Net", "--depth", "3"): "Option --depth is unknown here",
    }.items():
        done = program(tmp_path, "train", *words, *FEW)
        assert done.code == 2 and message in done.err and done.err.count("\n") == 1, done.err


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder, draw = tmp_path_factory.mktemp("my pictures"), np.random.default_rng(0)
    for kind in range(20):
        (folder / f"class{kind}").mkdir()
        for index in range(8):
            pixels = draw.integers(0, 255, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"class{kind}" / f"{index}.png")
    return folder


def test_a_folder_of_pictures(tmp_path, pictures):
    out = tmp_path / "my run"
    options = ("--size", 16, "--channels", 3, "--model-channels", 4, "--way", 3, "--query", 3)
    done = run(tmp_path, "train", "protonet", "--data", pictures, *options, *FEW, "--out", out)
    assert done.code == 0, done.err
    assert f"quickstudy evaluate '{out}'" in done.err
    model = qs.load(out).model
    assert (model.in_channels, model.image_size, model.channels) == (3, 16, 4)


def test_a_table_whose_tasks_share(tmp_path):
    rows = ["shop,price,sold"]
    rows += [f"{shop},{row},{shop + row}" for shop in range(20) for row in range(8)]
    (tmp_path / "shops.csv").write_text("\n".join(rows) + "\n")
    options = ("--task", "shop", "--target", "sold", "--shot", 2, "--query", 3)
    data = ("--data", tmp_path / "shops.csv", *options)
    more = ("--balancer", "gradnorm", "--out", tmp_path / "run")
    done = run(tmp_path, "train", "hard_sharing", *data, *FEW, *more)
    assert done.code == 0, done.err
    # a split keeps the identities of the whole table
    assert qs.load(tmp_path / "run").num_tasks == 20


def test_arrays(tmp_path):
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=draw.normal(size=(200, 5)), y=np.arange(200) % 20)
    options = ("--way", 3, "--query", 2, "--hidden", 6)
    data = ("--data", tmp_path / "data.npz", *options)
    done = run(tmp_path, "train", "protonet", *data, *FEW, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    assert (qs.load(tmp_path / "run").model.inputs, qs.load(tmp_path / "run").model.hidden) == (
        5,
        (6,),
    )


def test_help_of_a_learner_and_data(tmp_path, pictures):
    done = run(tmp_path, "train", "anil", "--data", pictures, "--model", "resnet10", "--help")
    assert done.code == 0 and done.err == ""
    for word in ("examples:", "data:", "task:", "training:", "network:", "learner:", "machine:"):
        assert f"\n{word}\n" in done.out
    assert "--size INT" in done.out and "{None}" not in done.out and ":class:" not in done.out
    assert "--test-steps INT\n      Inner steps at test (default: as many as in training)" in (
        done.out
    )
