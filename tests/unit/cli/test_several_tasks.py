"""Rows of several tasks are adapted to and predicted each by its own."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.cli.adapt import main as adapt
from quickstudy.cli.predict import main as predict
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import checkpoint


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A prior that knows that shops differ in their level only, saved as `fit` saves it."""
    folder = tmp_path_factory.mktemp("run")
    shop = np.repeat(np.arange(8), 10)
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"shop": shop, "price": draw.uniform(1, 9, 80)})
    rows["sold"] = 10.0 * shop - 3 * rows["price"] + draw.normal(0, 0.1, 80)
    table = qs.tasks.Table(rows, "shop", "sold")
    form = TableForm.of(table.whole(), table.labels)
    learner = qs.LinearPrior(qs.models.Powers(1, 1))
    learner.fit_tasks(form.tasks(table.whole()))
    checkpoint.write(folder / "last.safetensors", *checkpoint.pack(learner))
    details = {"source": {"source": "table"}, "table": form.to_dict()}
    (folder / "run.json").write_text(json.dumps(details))
    return folder


def rows(path, shops, sold=True):
    """Two rows of each of ``shops``; a shop of name n sells 100 n less 3 of the price."""
    frame = pd.DataFrame({"shop": np.repeat(shops, 2), "price": [2.0, 4.0] * len(shops)})
    if sold:
        frame["sold"] = 100.0 * frame["shop"] - 3 * frame["price"]
    frame.to_csv(path, index=False)
    return str(path)


def test_each_row_is_predicted_by_its_own_task(run, tmp_path, capsys):
    out = str(tmp_path / "task.qs")
    assert adapt([str(run), rows(tmp_path / "two.csv", [1, 2]), "--out", out]) == 0
    assert "2 tasks by shop: 1, 2" in capsys.readouterr().err
    query = rows(tmp_path / "query.csv", [2, 1], sold=False)
    assert predict([out, query, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["predictions"]
    assert [one["task"] for one in found] == ["2", "2", "1", "1"]
    values = [one["values"]["sold"] for one in found]
    np.testing.assert_allclose(values, [194, 188, 94, 88], atol=3)
    other = rows(tmp_path / "other.csv", [3], sold=False)
    with pytest.raises(qs.UserError, match=r"tasks that were mastered: 1, 2. Found \['3'\]"):
        predict([out, other])
    pd.DataFrame({"price": [1.0]}).to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(qs.UserError, match="should say the task of every row in column 'shop'"):
        predict([out, str(tmp_path / "none.csv")])


def test_one_task_is_predicted_with_and_without_its_name(run, tmp_path, capsys):
    out = str(tmp_path / "task.qs")
    assert adapt([str(run), rows(tmp_path / "one.csv", [1]), "--out", out]) == 0
    named = rows(tmp_path / "named.csv", [1])
    pd.read_csv(named)[["price"]].to_csv(tmp_path / "nameless.csv", index=False)
    found = []
    for file in (named, str(tmp_path / "nameless.csv")):
        capsys.readouterr()
        assert predict([out, file, "--json"]) == 0
        found.append([one["values"] for one in json.loads(capsys.readouterr().out)["predictions"]])
    assert found[0] == found[1]
    assert torch.isfinite(torch.tensor([one["sold"] for one in found[0]])).all()
