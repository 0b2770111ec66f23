"""A new task from files: adapt in one process, predict and export in others."""

import csv
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import quickstudy as qs
from quickstudy.learners import LEARNERS
from quickstudy.training import checkpoint, describe_adapted
from tests.unit.cli.processes import run

CLASSES = ("bar", "dot", "ring")


def pixels(name: str, seed: int) -> np.ndarray:
    """A drawing ``[40, 40]``, dark ink on light paper, a bit shifted by ``seed``."""
    y, x = np.mgrid[:40, :40] - 19 - seed % 3
    radius = np.hypot(y, x)
    ink = {"bar": abs(x) < 3, "dot": radius < 6, "ring": abs(radius - 12) < 2}[name]
    return np.where(ink, 20, 240).astype(np.uint8)


def draw(folder: Path, names: tuple[str, ...], first: int, count: int) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        for i in range(first, first + count):
            Image.fromarray(pixels(name, i)).save(folder / name / f"{i}.png")
    return folder


REGRESS = ("linear_prior", "mixed_prior")


def learners() -> dict[str, qs.Learner]:
    """Every learner of classes on images of 28 by 28 pixels, five outputs where it has a learned
    one for each class; not trained."""
    scores, embeds, maps = (lambda: qs.models.Conv4(5, channels=2)), (lambda: qs.models.Conv4(None, channels=2)), (
        lambda: qs.models.Conv4(None, channels=2, maps=True)
    )  # fmt: skip
    more = {
        "finetune": {"pretraining_classes": 7, "test_steps": 2},
        "anil": {"shared_head": True},
        "reptile": {"test_steps": 2},
    }
    more["hard_sharing"] = more["soft_sharing"] = {"num_tasks": 2, "test_steps": 2}
    more["partial_sharing"] = {"num_tasks": 2, "own": ("head",), "test_steps": 2}
    models = {"scores": scores, "embeddings": embeds, "maps": maps}
    return {
        name: cls(models[cls.model_gives](), **more.get(name, {}))
        for name, cls in LEARNERS.items()
        if name not in REGRESS
    }


@pytest.fixture(scope="module")
def places(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Support folders, right and wrong, tables, and a run of every learner."""
    folder = tmp_path_factory.mktemp("tasks")
    draw(folder / "support", CLASSES, 0, 2)
    draw(folder / "new", CLASSES, 2, 2)
    draw(folder / "one", CLASSES[:1], 0, 2)
    draw(folder / "six", CLASSES, 0, 1)
    for name in CLASSES:
        shutil.copytree(folder / "six" / name, folder / "six" / f"{name}2")
    shutil.copytree(folder / "support", folder / "hollow")
    (folder / "hollow" / "blank").mkdir()
    shutil.copytree(folder / "support", folder / "broken")
    (folder / "broken" / "dot" / "0.png").write_bytes(
        (folder / "broken" / "dot" / "0.png").read_bytes()[:60]
    )
    (folder / "task.txt").write_text("mine")
    for name, learner in learners().items():
        checkpoint.write(folder / name / "last.safetensors", *checkpoint.pack(learner))
    vectors = qs.ProtoNet(qs.models.MLP(2, None, hidden=(4,)))
    checkpoint.write(folder / "vectors" / "last.safetensors", *checkpoint.pack(vectors))
    outputs = qs.MAML(qs.models.MLP(2, 3, hidden=(4,)), inner_lr=0.1)
    checkpoint.write(folder / "outputs" / "last.safetensors", *checkpoint.pack(outputs))
    kinds = [
        ("a", "b", "kind"),
        (0.0, 0.1, "low"),
        (0.2, 0.0, "low"),
        (3.0, 3.1, "high"),
        (2.9, 3.0, "high"),
    ]
    points = [("x", "y"), *((x, 2 * math.sin(x)) for x in (-2.0, -1.0, 0.5, 1.0, 2.0))]
    for name, rows in (("kinds", kinds), ("points", points), ("alone", [*kinds[:3]])):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    qs.save_adapted(folder / "bare.qs", vectors, vectors.adapt(qs.Batch.of(torch.eye(2), [0, 1])))
    found = {path.name: path for path in folder.iterdir()}
    done = run(
        folder / "printed",
        "adapt",
        runs / "letters",
        folder / "support",
        "--out",
        folder / "task.qs",
    )
    assert done.code == 0, done.err
    return (
        found
        | {name: runs / name for name in ("sines", "letters")}
        | {"task.qs": folder / "task.qs", "new_file": folder / "none"}
    )


def predictions(tmp_path: Path, *arguments: object) -> list[dict]:
    done = run(tmp_path, "predict", *arguments, "--json")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    return json.loads(done.out, parse_constant=pytest.fail)["predictions"]


def test_a_folder_of_images_is_mastered(places, tmp_path):
    out = tmp_path / "new" / "task.qs"
    (tmp_path / "support").mkdir()
    shutil.copytree(places["support"], tmp_path / "support", dirs_exist_ok=True)
    (tmp_path / "support" / "notes.txt").write_text("mine")
    done = run(tmp_path, "adapt", places["letters"], tmp_path / "support", "--out", out)
    assert (done.code, done.out) == (0, "")
    assert "3 classes: bar (2 images), dot (2 images), ring (2 images)." in done.err
    assert "6 of 6 images have dark ink on light paper and were inverted" in done.err
    assert (
        f"Left out: {tmp_path / 'support' / 'notes.txt'}" in done.err
        and f"quickstudy predict {out} FILES" in done.err
    )
    assert sorted(path.name for path in out.parent.iterdir()) == ["task.qs"]
    shutil.rmtree(tmp_path / "support")  # all that is needed is in the file

    files = [places["new"] / name / f"{i}.png" for name in CLASSES for i in (2, 3)]
    found = predictions(tmp_path, out, *files)
    assert [one["file"] for one in found] == [str(path) for path in files]
    learner, adapted = qs.load_adapted(out)
    x = torch.tensor(
        np.stack(
            [
                255 - np.asarray(Image.open(path).resize((28, 28), Image.Resampling.LANCZOS))
                for path in files
            ]
        )
    )
    scores = learner.predict(adapted, (x[:, None].float() / 255).unsqueeze(0))[0].softmax(1)
    for one, row in zip(found, scores, strict=True):
        assert list(one["probabilities"]) == list(CLASSES) and sum(
            one["probabilities"].values()
        ) == pytest.approx(1, abs=1e-5)
        assert list(one["probabilities"].values()) == pytest.approx(row.tolist(), abs=1e-5)
        assert one["label"] == CLASSES[int(row.argmax())]


def test_the_table(places, tmp_path):
    done = run(tmp_path, "predict", places["task.qs"], places["new"] / "dot")
    assert (done.code, done.err) == (0, "") and all(
        word in done.out for word in ("class", "probability", "next best", "dot", "%")
    )


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in REGRESS])
def test_every_learner_masters_a_folder(places, tmp_path, name):
    done = run(
        tmp_path,
        "adapt",
        places[name],
        places["support"],
        "--out",
        tmp_path / "task.qs",
        "--ink",
        "dark",
    )
    assert done.code == 0, done.err
    for one in predictions(tmp_path, tmp_path / "task.qs", places["new"] / "bar"):
        assert tuple(one["probabilities"]) == CLASSES and sum(
            one["probabilities"].values()
        ) == pytest.approx(1, abs=1e-5)


def test_how_ink_is_decided(places, tmp_path):
    for source, ink, expected in (
        ("letters", (), "auto"),
        ("letters", ("--ink", "light"), "light"),
        ("protonet", (), None),
    ):
        done = run(
            tmp_path,
            "adapt",
            places[source],
            places["support"],
            "--out",
            tmp_path / "task.qs",
            *ink,
        )
        assert done.code == 0 and describe_adapted(tmp_path / "task.qs")["form"] == {
            "size": 28,
            "channels": 1,
            "ink": expected,
        }
        assert ("were inverted" in done.err) == (expected is not None) and (
            "0 of 6" in done.err
        ) == (expected == "light")


def test_steps_are_taken(places, tmp_path):
    def adapted(*steps):
        done = run(
            tmp_path,
            "adapt",
            places["maml"],
            places["support"],
            "--out",
            tmp_path / "task.qs",
            *steps,
        )
        assert done.code == 0, done.err
        return qs.load_adapted(tmp_path / "task.qs")

    learner, none = adapted("--steps", 0)
    assert all(torch.equal(none[name][0], value) for name, value in learner.meta().items())
    assert not torch.equal(adapted("--steps", 2)[1]["head.weight"], none["head.weight"])


def test_a_sinusoid_from_a_table(places, tmp_path):
    done = run(
        tmp_path, "adapt", places["sines"], places["points.csv"], "--out", tmp_path / "task.qs"
    )
    assert done.code == 0 and "5 examples." in done.err
    # columns that are no input are not read
    (tmp_path / "new.csv").write_text("more,x\nno number,0.3\n,-1.5\n")
    found = predictions(tmp_path, tmp_path / "task.qs", tmp_path / "new.csv")
    learner, adapted = qs.load_adapted(tmp_path / "task.qs")
    expected = learner.predict(adapted, torch.tensor([[[0.3], [-1.5]]]))[0, :, 0].tolist()
    assert [(one["example"], one["values"].keys()) for one in found] == [(1, {"y"}), (2, {"y"})]
    assert [one["values"]["y"] for one in found] == pytest.approx(expected, rel=1e-5)
    done = run(tmp_path, "predict", tmp_path / "task.qs", tmp_path / "new.csv")
    assert done.code == 0 and f"{expected[0]:.4g}" in done.out


def test_a_learned_prior_predicts_its_targets_not_its_features(places, tmp_path):
    learner = qs.LinearPrior(qs.models.MLP(1, None, hidden=(5,)))
    checkpoint.write(tmp_path / "run" / "last.safetensors", *checkpoint.pack(learner))
    done = run(
        tmp_path,
        "adapt",
        tmp_path / "run",
        places["points.csv"],
        "--target",
        "y",
        "--out",
        tmp_path / "task.qs",
    )
    assert done.code == 0, done.err
    found = predictions(tmp_path, tmp_path / "task.qs", places["points.csv"])
    low, high = found[0]["interval_90"]["y"]
    assert low < found[0]["values"]["y"] < high


@pytest.mark.parametrize("name", ["vectors", "outputs"])
def test_classes_from_a_table(places, tmp_path, name):
    done = run(
        tmp_path,
        "adapt",
        places[name],
        places["kinds.csv"],
        "--label",
        "kind",
        "--out",
        tmp_path / "task.qs",
    )
    assert done.code == 0 and "2 classes: low (2 examples), high (2 examples)." in done.err
    found = predictions(tmp_path, tmp_path / "task.qs", places["kinds.csv"])
    assert [one["example"] for one in found] == [1, 2, 3, 4] and found[0][
        "probabilities"
    ].keys() == {"low", "high"}
    if name == "vectors":
        assert [one["label"] for one in found] == ["low", "low", "high", "high"]


def test_export_of_a_mastered_task(places, tmp_path):
    files = [places["new"] / name / "2.png" for name in CLASSES]
    expected = torch.tensor(
        [
            list(one["probabilities"].values())
            for one in predictions(tmp_path, places["task.qs"], *files)
        ]
    )
    x = np.stack(
        [
            255 - np.asarray(Image.open(path).resize((28, 28), Image.Resampling.LANCZOS))
            for path in files
        ]
    )
    x = (x[:, None] / 255).astype(np.float32)
    for name in ("model.pt2", "model.onnx"):
        done = run(tmp_path, "export", places["task.qs"], "--out", tmp_path / name)
        assert (done.code, done.out) == (
            0,
            "",
        ) and f"Written to {tmp_path / name}. For x [example, 1, 28, 28], ink 1 on 0:" in done.err
    found = torch.export.load(tmp_path / "model.pt2").module()(torch.from_numpy(x))
    torch.testing.assert_close(found.softmax(1), expected, rtol=1e-4, atol=1e-5)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    torch.testing.assert_close(
        torch.from_numpy(session.run(None, {"x": x})[0]).softmax(1), expected, rtol=1e-4, atol=1e-5
    )
    details = json.loads(session.get_modelmeta().custom_metadata_map["quickstudy"])
    assert details["classes"] == list(CLASSES) and details["task"]["form"]["ink"] == "auto"


MISTAKES = {
    "adapt {letters}": "Missing: ",
    "adapt {new_file} {support}": "should be a run's folder or a checkpoint. Found neither",
    "adapt {letters} {new_file}": "There is no ",
    "adapt {letters} {support} --out {new}": "--out should name a file",
    "adapt {letters} {support} --steps 2": "--steps is for learners with inner steps",
    "adapt {letters} {support} --label kind": "--label and --target are for CSV files",
    "adapt {letters} {support} --ink red": "--ink",
    "adapt {letters} {one}": "at least two classes. Found one in ",
    "adapt {letters} {hollow}": "blank should hold at least one image",
    "adapt {letters} {broken}": "dot/0.png is not a readable image",
    "adapt {letters} {kinds.csv}": "This one takes images: give a folder with one subfolder for each class",
    "adapt {maml} {six}": ("was trained for 5 classes, a learned output each. Found 6: train with --way 6, or a " "learner of any way"),
    "adapt {maml} {support} --steps -1": "`steps` should hold numbers from 0 on",
    "adapt {sines} {support}": "This run learned sinusoids: give a CSV file",
    "adapt {sines} {points.csv} --ink dark": "--ink is for images",
    "adapt {sines} {kinds.csv}": "should be the 1 inputs of the model. Found 2: a, b",
    "adapt {sines} {points.csv} --target x y": "should be the 1 inputs of the model. Found 0",
    "adapt {sines} {points.csv} --label y --target x": "exclude each other",
    "adapt {sines} {points.csv} --label y": "was trained for 1 classes",
    "adapt {vectors} {kinds.csv}": "a column of classes, named by --label. Found no 'label'",
    "adapt {vectors} {kinds.csv} --label sort": "Found no 'sort'",
    "adapt {vectors} {kinds.csv} --label a": "Column 'kind' of ",
    "adapt {vectors} {alone.csv} --label kind": "at least two classes. Found one in ",
    "adapt {vectors} {kinds.csv} --target kind": "ProtoNet cannot predict kind",
    "adapt {vectors} {support}": "This one takes 2 numbers: give a CSV file",
    "adapt {vectors} {task.txt}": "should have a line of column names",
    "predict {task.qs}": "Name at least one file",
    "predict {task.txt} {new}": "should be a quickstudy checkpoint. It cannot be read",
    "predict {new_file} {new}": "Found no such file",
    "predict {bare.qs} {new}": "make it with quickstudy adapt",
    "predict {letters}/last.safetensors {new}": "should hold an adapted task. Found only a learner",
    "predict {task.qs} {new_file}": "There is no file ",
    "predict {task.qs} {hollow}/blank": "should hold images. Found none in it",
    "predict {task.qs} {task.txt}": "is not a readable image",
    "predict {task.qs} {broken}/dot": "dot/0.png is not a readable image",
    "export {task.qs} --out {new_file}.txt": "should end in .pt2 or .onnx",
    "export {task.txt}": "should be a quickstudy checkpoint. It cannot be read",
}  # fmt: skip


@pytest.mark.parametrize("command", MISTAKES)
def test_a_mistake_is_told_in_one_line(places, tmp_path, command):
    words = re.sub(r"{(.+?)}", lambda name: str(places[name[1]]), command).split()
    done = run(
        tmp_path,
        *words,
        *(("--out", tmp_path / "task.qs") if words[0] == "adapt" and "--out" not in words else ()),
    )
    assert "Traceback" not in done.err
    told = [line for line in done.err.splitlines() if not line.startswith("Tasks are mapped")]
    assert (
        len(told) == 1
        and told[0].startswith("error ")
        and MISTAKES[command] in told[0]
        and len(told[0]) < 600
    )
    assert (done.code, done.out) == (2, "") and not (tmp_path / "task.qs").exists()
