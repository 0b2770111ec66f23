"""A run read back by its folder, whoever trained it."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.describe import describe
from quickstudy.training import Trained, checkpoint
from quickstudy.training.drawn import Drawn, old_settings


def trained(folder, source, learner=None):
    learner = qs.MAML(qs.models.MLP(1, 1, hidden=(4,)), 0.01) if learner is None else learner
    qs.fit(learner, source, 1, 1, out=folder, progress=False)
    return folder


@pytest.fixture
def rows(tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"shop": np.repeat(np.arange(8), 6), "price": draw.normal(size=48)})
    frame["sold"] = 5 * frame["shop"] + frame["price"]
    frame.to_csv(tmp_path / "shops.csv", index=False)
    return tmp_path / "shops.csv"


def test_a_run_of_python_is_evaluated_by_its_folder(tmp_path):
    run = trained(tmp_path / "run", qs.tasks.Sinusoid().episodes(shot=5, query=3))
    found = qs.evaluate(run, num_tasks=3, baselines="none")
    assert (found.source["shot"], found.source["query"]) == (5, 100)
    same = qs.tasks.Sinusoid().episodes(shot=5, query=100)
    assert found.per_task == qs.evaluate(qs.load(run), same, 3, baselines="none").per_task
    read = Trained.read(run)
    assert read.source_name == "sinusoid" and read.options()["shot"] == 5
    assert read.tasks(shot=2).describe()["shot"] == 2
    with pytest.raises(qs.UserError, match="Tasks of sinusoid have no option `way`"):
        read.tasks(way=3)


def test_tasks_are_of_the_test_split_and_of_all_other_data(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(60, 1)), np.arange(60) % 12
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", x=x, y=y)
    data = qs.tasks.ArrayFile(tmp_path / "a.npz", seed=4)
    learner = qs.ProtoNet(qs.models.MLP(1, None, hidden=(4,)))
    read = Trained.read(
        trained(tmp_path / "run", data.tasks("train", way=2, shot=1, query=2), learner)
    )
    assert read.data().seed == 4 and read.same_data(read)
    test = read.tasks()
    assert (test.pool.num_classes, test.way, test.query) == (2, 2, 4)
    other = read.tasks(tmp_path / "b.npz")
    assert (other.pool.num_classes, other.way) == (12, 2)
    assert read.tasks(split="validation").pool.names == data.split("validation").names
    with pytest.raises(qs.UserError, match="Source arrays has no option `root`"):
        read.data(root="x")


def test_rows_of_another_file_are_scaled_as_in_training(tmp_path, rows):
    data = qs.tasks.Rows(rows, task="shop", target=["sold"])
    read = Trained.read(trained(tmp_path / "run", data.tasks("train", shot=2, query=2)))
    frame = pd.read_csv(rows)
    frame["price"] += 1000
    frame.to_csv(tmp_path / "other.csv", index=False)
    found = read.tasks(tmp_path / "other.csv")
    assert found.num_tasks == 8 and float(found.tasks.x.min()) > 100
    assert read.table_form() == data.form


def test_a_run_of_fit_is_evaluated(tmp_path, rows):
    table = qs.tasks.Table(rows, task="shop", target="sold")
    from quickstudy.tasks.table_form import TableForm

    form = TableForm.of(table.whole(), table.labels)
    run = tmp_path / "fitted"
    checkpoint.write(
        run / "last.safetensors", *checkpoint.pack(qs.MAML(qs.models.MLP(1, 1), inner_lr=0.01))
    )
    source = {"source": "table", "file": str(rows), "task": "shop"}
    (run / "run.json").write_text(json.dumps({"source": source, "table": form.to_dict()}))
    found = qs.evaluate(run, num_tasks=3, baselines="quick")
    assert found.source["num_tasks"] == 8 and found.source["shot"] == 5
    assert "learned from" in found.source["source"]
    other = Trained.read(run).tasks(rows, shot=2)
    assert other.describe()["source"] == f"table/{rows}" and other.shot == 2
    with pytest.raises(qs.UserError, match="no option"):
        Trained.read(run).tasks(way=2)


def test_data_in_memory_is_not_known(tmp_path):
    source = qs.tasks.Arrays(torch.zeros(8, 1), [0, 1] * 4).episodes(2, 1, 1)
    learner = qs.ProtoNet(qs.models.MLP(1, None, hidden=(4,)))
    run = trained(tmp_path / "run", source, learner)
    with pytest.raises(qs.UserError, match="does not say what data it learned from"):
        qs.evaluate(run, num_tasks=1)
    assert qs.evaluate(run, source, num_tasks=1, baselines="none").estimate.num_tasks == 1


def test_a_checkpoint_alone_is_enough_to_adapt(tmp_path):
    run = trained(tmp_path / "run", qs.tasks.Sinusoid().episodes(shot=5, query=3))
    assert Trained.near(run / "last.safetensors").source_name == "sinusoid"
    (run / "run.json").unlink()
    alone = Trained.near(run)
    assert alone.source_name == "" and alone.table_form() is None and alone.image_form() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [(b"[]", "JSON object"), (b"{", "damaged"), (b"\xff\xfe\x00", "damaged"), (None, "Found none")],
)
def test_a_folder_that_is_no_run(tmp_path, text, message):
    if text is not None:
        (tmp_path / "run.json").write_bytes(text)
    with pytest.raises(qs.UserError, match=message):
        Trained.read(tmp_path)


def test_what_a_description_of_tasks_says():
    source = qs.tasks.Glyphs(rotations="none").split("train").episodes(way=3, shot=2)
    drawn = Drawn.of(describe(source))
    assert (drawn.split, drawn.name) == ("train", "glyphs") and drawn.options["way"] == 3
    assert drawn.arguments(qs.tasks.Glyphs)["rotations"] == "none"
    assert drawn.arguments(qs.tasks.Images) is None
    assert Drawn.of({"class": "Family"}) is None and Drawn.of(None) is None


def test_runs_of_version_0_1_0_are_read():
    settings = {"data": "sinusoid", "variant": "metasgd", "way": 5, "shot": 7}
    drawn = Drawn.of(old_settings(settings))
    assert drawn.name == "sinusoid_metasgd" and dict(drawn.options) == {"shot": 7}
    drawn = Drawn.of(old_settings({"data": "glyphs", "way": 5, "shot": 1, "rotations": "task"}))
    assert drawn.data["rotations"] == "task" and drawn.options["way"] == 5
    with pytest.raises(qs.UserError, match="It lacks way, shot"):
        old_settings({"data": "glyphs"})
