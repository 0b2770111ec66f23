"""A table file as tasks, and as classes."""

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.describe import build, describe
from quickstudy.tasks import Rows
from quickstudy.tasks.data import SPLITS
from quickstudy.tasks.rows import new_tasks
from tests.unit.tasks.pools import draw


@pytest.fixture
def file(tmp_path):
    generator = np.random.default_rng(0)
    shop = np.repeat(np.arange(10), 6)
    frame = pd.DataFrame({"shop": shop, "price": generator.normal(5, 2, 60)})
    frame["sold"] = 100 + 10 * shop - 3 * frame["price"]
    frame["kind"] = np.where(np.arange(60) % 2, "high", "low")
    frame.to_csv(tmp_path / "shops.csv", index=False)
    return tmp_path / "shops.csv"


def test_tasks_are_the_values_of_a_column_and_targets_are_scaled(file):
    data = Rows(file, task="shop", target=["sold"], drop=["kind"])
    parts = [data.split(name) for name in SPLITS]
    assert [len(part.names) for part in parts] == [6, 2, 2]
    assert sorted(name for part in parts for name in part.names) == sorted(map(str, range(10)))
    train = parts[0]
    for values in (train.x, train.y):  # means and scales are those of the training rows
        torch.testing.assert_close(values.mean(), torch.tensor(0.0), rtol=0, atol=1e-5)
        torch.testing.assert_close(values.std(correction=0), torch.tensor(1.0))
    frame = pd.read_csv(file)
    own = frame[frame["shop"].astype(str).isin(train.names)]["sold"].to_numpy(copy=True)
    torch.testing.assert_close(
        data.form.unscaled(train.y.double())[:, 0], torch.from_numpy(own), rtol=1e-5, atol=1e-4
    )
    assert draw(data.tasks("test", shot=2, query=3)).support.x.shape == (8, 2, 1)


def test_a_run_can_tell_its_rows(file):
    source = Rows(file, task="shop", label="kind", drop=["sold"]).tasks("train", shot=2, query=2)
    again = build(describe(source))
    assert torch.equal(draw(again).query.x, draw(source).query.x)
    assert draw(again).query.y.dtype == torch.long


def test_classes_are_the_values_of_the_label(file):
    data = Rows(file, label="shop", features=["price", "sold"])
    names = [set(data.split(name).names) for name in SPLITS]
    assert set.union(*names) == set(map(str, range(10))) and sum(map(len, names)) == 10
    episodes = draw(data.tasks("train", way=3, shot=2, query=4))
    assert episodes.support.x.shape == (8, 6, 2) and episodes.query.y.shape == (8, 12)


def test_other_rows_are_scaled_as_those_of_training(file, tmp_path):
    frame = pd.read_csv(file)
    frame["price"] += 1000
    frame["shop"] += 50
    frame.to_csv(tmp_path / "other.csv", index=False)
    options = {"task": "shop", "target": ["sold"], "drop": ["kind"]}
    other = Rows(tmp_path / "other.csv", **options, scaled_by=str(file))
    assert other.form == Rows(file, **options).form
    assert float(other.everything().x.min()) > 100  # a thousand of a few standard deviations


def test_notes_say_columns_and_counts(file):
    told = Rows(file, task="shop", target=["sold"]).notes()
    assert told[0] == "60 rows, predicted from price, kind."
    assert told[1].startswith("10 tasks: 6 to train, 2 to validate, 2 to test.")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "A table needs --task"),
        ({"task": "shop"}, "needs one of --target .* and --label"),
        ({"task": "shop", "label": "kind", "target": ["sold"]}, "needs one of"),
        ({"task": "city", "target": ["sold"]}, "city"),
        ({"label": "shop", "features": ["price"], "drop": ["price"]}, "a column to predict from"),
        ({"label": "shop", "fractions": (1.0, 1.0, 1.0)}, "`fractions`"),
    ],
)
def test_what_is_not_said_or_wrong(file, options, message):
    with pytest.raises(qs.UserError, match=message):
        Rows(file, **options)


def test_a_split_without_tasks(file):
    with pytest.raises(qs.UserError, match=r"'validation' of .* at least one task"):
        Rows(file, task="shop", target=["sold"], fractions=(0.5, 0.0, 0.5)).split("validation")


def test_options_say_how_a_file_is_read(tmp_path):
    rows = "".join(f"{i % 4};{i},5;{i % 3};n{i};{2 * i},25\n" for i in range(24))
    (tmp_path / "t.csv").write_text(f"shop;price;code;note;sold\n{rows}", encoding="utf-16")
    options = {"task": "shop", "target": ["sold"], "ignore": ["note"], "categories": ["code"]}
    data = Rows(tmp_path / "t.csv", **options)
    assert data.form.encoder.names == ("price", "code=0", "code=1", "code=2")
    assert float(data.form.unscaled(data.everything().y.double()).max()) == pytest.approx(46.25)
    notes = " ".join(data.notes())
    assert "separated by ';'" in notes and "encoding utf-16" in notes
    again = build(describe(data.tasks("train", shot=2, query=2)))
    assert torch.equal(draw(again).query.x, draw(data.tasks("train", shot=2, query=2)).query.x)


def test_rows_of_several_tasks_are_several_tasks(file):
    data = Rows(file, task="shop", target=["sold"], drop=["kind"])
    frame = pd.read_csv(file)
    found = new_tasks(frame[frame["shop"] < 2].astype({"shop": float}), data.form)
    assert found.names == ("0", "1") and found.sizes == [6, 6]
    one = new_tasks(frame[frame["shop"] == 1].drop(columns="shop"), data.form)
    assert one.names == ("",) and torch.equal(one.y, found.y[6:])


def test_missing_labels_are_no_class(file):
    frame = pd.read_csv(file)
    frame["shop"] = frame["shop"].where(frame["shop"] > 0)
    for name in ("t.csv", "t.parquet"):
        path = file.parent / name
        (frame.to_csv if name == "t.csv" else frame.to_parquet)(path, index=False)
        data = Rows(path, label="shop", features=["price"])
        names = [own for split in SPLITS for own in data.split(split).names]
        assert sorted(names) == [str(shop) for shop in range(1, 10)]
