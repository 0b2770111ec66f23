"""Tables: encoding learned only from training rows, two protocols, ragged tasks, errors."""

import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.table import read_table
from quickstudy.tasks.table_form import TableForm


def shops(sizes=(1, 3, 8, 20), seed=0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    shop = np.repeat([f"s{index}" for index in range(len(sizes))], sizes)
    rows = pd.DataFrame(
        {
            "shop": shop,
            "price": draw.normal(5, 2, len(shop)),
            "day": draw.choice(["mon", "tue", "sun"], len(shop)),
        }
    )
    rows["sold"] = 3 * rows["price"] + draw.normal(0, 1, len(shop))
    rows["grade"] = draw.choice(["good", "bad", "fair"], len(shop))
    return rows.sample(frac=1, random_state=0).reset_index(drop=True)


def table(rows=None, **options) -> qs.tasks.Table:
    return qs.tasks.Table(
        shops() if rows is None else rows,
        **{"task": "shop", "target": "sold", "features": ("price", "day")} | options,
    )


def test_a_row_is_where_it_was():
    """Decoding gives the table again: every row under its task."""
    rows = shops()
    tasks = table(rows).whole()
    assert tasks.names == ("s0", "s1", "s2", "s3") and tasks.sizes == [1, 3, 8, 20]
    price = tasks.encoder.columns[0]
    found = {
        (tasks.names[t], round(float(x * price.scale + price.mean), 4), round(float(y), 4))
        for t, x, y in zip(tasks.task, tasks.x[:, 0], tasks.y, strict=True)
    }
    assert found == {
        (shop, round(p, 4), round(s, 4))
        for shop, p, s in zip(rows["shop"], rows["price"], rows["sold"], strict=True)
    }
    assert tasks.encoder.names == ("price", "day=mon", "day=sun", "day=tue")
    days = tasks.x[:, 1:]
    assert torch.equal(days.sum(1), torch.ones(32)) and set(days.unique().tolist()) == {0.0, 1.0}


def test_the_encoder_knows_training_rows_alone():
    rows = shops()
    rows.loc[rows["shop"] == "s3", "price"] *= 1000
    rows.loc[rows["shop"] == "s3", "day"] = "holiday"
    for seed in range(20):
        train, new = table(rows).split_tasks(1, seed)
        if new.names == ("s3",):
            break
    assert abs(float(train.x[:, 0].mean())) < 1e-5 and float(
        train.x[:, 0].std(correction=0)
    ) == pytest.approx(1, abs=1e-4)
    assert "day=holiday" not in train.encoder.names and bool((new.x[:, 1:] == 0).all())


def test_missing_features_and_labels():
    rows = shops()
    rows.loc[[0, 5], "price"] = np.nan
    rows.loc[[1, 2, 3], "sold"] = np.nan
    made = table(rows)
    tasks = made.whole()
    assert made.num_unlabelled == 3 and len(tasks.x) == 29
    assert tasks.encoder.names[:2] == ("price", "price is missing")
    assert bool((tasks.x[tasks.x[:, 1] == 1, 0] == 0).all()) and tasks.x[:, 1].sum() == 2


def test_rows_are_split_within_tasks():
    train, test = table().split_rows(0.75, seed=3)
    assert (
        train.sizes == [1, 2, 6, 15]
        and test.names == ("s1", "s2", "s3")
        and test.sizes == [1, 2, 5]
    )
    assert test.identity.tolist() == [1, 2, 3] and train.identity.tolist() == [0, 1, 2, 3]
    again, other = table().split_rows(0.75, seed=3)[0], table().split_rows(0.75, seed=4)[0]
    assert torch.equal(again.x, train.x) and not torch.equal(other.x, train.x)


def test_training_rows_are_split_again_for_validation():
    """Every row is in one part, its numbers unchanged; a single row is kept for training."""
    whole = table().split_rows(0.75)[0]
    train, held = whole.split_rows(0.6, seed=3)
    assert (
        [a + b for a, b in zip(train.sizes, held.sizes, strict=True)] == whole.sizes
        and train.sizes[0] == 1
        and held.sizes[0] == 0
    )
    assert train.names == held.names == whole.names and torch.equal(train.identity, held.identity)
    parts = [
        set(map(tuple, torch.cat([part.x, part.y, part.task.unsqueeze(1)], 1).tolist()))
        for part in (train, held, whole)
    ]
    assert parts[0] | parts[1] == parts[2] and not parts[0] & parts[1]
    assert torch.equal(train.x, whole.split_rows(0.6, seed=3)[0].x) and not torch.equal(
        train.x, whole.split_rows(0.6, seed=4)[0].x
    )


def test_tasks_are_split_whole():
    train, new = table().split_tasks(0.5, seed=1)
    assert set(train.names) | set(new.names) == {"s0", "s1", "s2", "s3"} and not set(
        train.names
    ) & set(new.names)
    assert sum(train.sizes) + sum(new.sizes) == 32


def test_draws_share_no_row_and_keep_one_to_judge():
    tasks = table().whole()
    episode = tasks.draw(5, None, qs.generator(0, "draw"))
    assert episode.support.mask.sum(1).tolist() == [0, 2, 5, 5] and episode.query.mask.sum(
        1
    ).tolist() == [1, 1, 3, 15]
    for index in range(4):
        own = torch.cat(
            [part.x[index][part.mask[index] > 0] for part in (episode.support, episode.query)]
        )
        assert sorted(own[:, 0].tolist()) == sorted(tasks.x[tasks.task == index, 0].tolist())


def test_episodes_are_padded_and_train_a_learner():
    source = table().whole().episodes(shot=4, query=3)
    episodes = source.sample(4, qs.Moment(0, "train"))
    assert episodes.support.x.shape == (4, 4, 4) and episodes.query.y.shape == (4, 3, 1)
    assert sorted(episodes.task.tolist()) == [0, 1, 2, 3]
    learner = qs.LinearPrior(
        torch.nn.Identity(), embedding_size=4, prior_scale=3.0, noise_scale=3.0
    )
    before = learner.losses(episodes).mean().item()
    qs.fit(learner, source, steps=60, tasks_per_step=4, lr=0.1, progress=False)
    assert learner.losses(episodes).mean().item() < before - 1
    assert (
        qs.evaluate(learner, source, num_tasks=8, baselines=True).baselines["support mean"].mean > 0
    )


def test_an_absent_task_has_loss_zero():
    """A task without rows in an episode has loss 0 and no gradient."""
    tasks = table().whole()
    episode = tasks.draw(4, 3, qs.generator(0, "draw"), [2, 3])
    learner = qs.LinearPrior(torch.nn.Identity(), embedding_size=4)
    none = qs.Episode(
        episode.support,
        qs.Batch(
            episode.query.x, episode.query.y, episode.query.mask * torch.tensor([[0.0], [1.0]])
        ),
        episode.task,
    )
    losses = learner.losses(none)
    assert losses[0] == 0 and losses[1] == learner.losses(episode)[1]


def test_classes():
    made = table(target="grade", kind="classification")
    assert made.target == qs.targets.Classes(3) and made.classes == ("bad", "fair", "good")
    assert made.whole().y.dtype == torch.long


def test_several_targets():
    rows = shops()
    rows["left"] = -rows["sold"]
    tasks = table(rows, target=["sold", "left"]).whole()
    assert tasks.target.scores == 2 and torch.equal(tasks.y[:, 0], -tasks.y[:, 1])


def test_a_subset_is_renumbered():
    tasks = table().whole().subset([1, 3])
    assert (
        tasks.names == ("s1", "s3") and tasks.sizes == [3, 20] and tasks.identity.tolist() == [1, 3]
    )
    assert tasks.batch().mask.sum(1).tolist() == [3, 20] and tasks.batch([1]).x.shape == (1, 20, 4)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files(tmp_path, suffix):
    rows = shops()
    (rows.to_csv if suffix == ".csv" else rows.to_parquet)(tmp_path / f"rows{suffix}", index=False)
    assert torch.equal(table(tmp_path / f"rows{suffix}").whole().x, table(rows).whole().x)


def test_an_encoder_survives_json():
    rows = shops()
    encoder = Encoder.fit(rows, ("price", "day"))
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder and np.array_equal(again(rows), encoder(rows))
    with pytest.raises(qs.UserError, match="should have a column \\['day'\\]"):
        again(rows.drop(columns="day"))
    with pytest.raises(qs.UserError, match="Column 'price' should hold numbers"):
        again(rows.assign(price="dear"))


def change(**columns) -> pd.DataFrame:
    return shops().assign(**columns)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: table(task="store"),
            r"should have a column \['store'\]. Found shop, price, day, sold, grade",
        ),
        (lambda: table(target="profit"), r"should have a column \['profit'\]"),
        (lambda: table(features=["cost"]), r"should have a column \['cost'\]"),
        (lambda: table(change(shop="one")), "Column 'shop' should hold at least 2 tasks. Found 1"),
        (
            lambda: table(change(shop=None)),
            "Column 'shop' should say the task of every row. Found 32 empty cells",
        ),
        (
            lambda: table(target="grade"),
            "Column 'grade' should hold numbers to be predicted. Found text: kind='classification'",
        ),
        (
            lambda: table(change(price=np.inf)),
            "Column 'price' should hold finite numbers. Found infinity",
        ),
        (
            lambda: table(change(sold=-np.inf)),
            "Column 'sold' should hold finite numbers. Found infinity",
        ),
        (lambda: table(change(sold=np.nan)), "should have a row with a target. Found none"),
        (
            lambda: table(features=["price", "sold"]),
            r"`features` should leave out the task and the targets. Found \['sold'\]",
        ),
        (
            lambda: table(target=["grade", "sold"], kind="classification"),
            "Classification predicts one column. Found 2",
        ),
        (
            lambda: table(change(grade="good"), target="grade", kind="classification"),
            "at least 2 classes. Found 1",
        ),
        (
            lambda: table(kind="ranking"),
            "`kind` should be 'regression' or 'classification'. Found 'ranking'",
        ),
        (lambda: table(target=[]), "`target` should name at least one column"),
        (
            lambda: table(shops((100, 150)).assign(day=[f"d{i}" for i in range(250)])).whole(),
            "at most 200 categories, a feature each. Found 250",
        ),
        (
            lambda: table().split_rows(1.0),
            "`fraction` should be between 0 and 1. Found fraction=1.0",
        ),
        (
            lambda: table().split_tasks(4),
            "`new` should leave tasks on both sides. Found new=4 of 4 tasks",
        ),
        (lambda: table().whole().episodes(-1), "`shot` should be at least 0"),
        (lambda: table().whole().episodes(1, 0), "`query` should be at least 1"),
    ],
)
def test_errors(make, message):
    with pytest.raises(qs.UserError, match=message):
        make()


def test_file_errors(tmp_path):
    for name, content, message in (
        ("nothing.csv", None, "should be a CSV or Parquet file. Found nothing there"),
        ("rows.txt", "a,b", "should end in .csv or .parquet. Found '.txt'"),
        ("empty.csv", "", "cannot be read"),
        ("head.csv", "a,b\n", "should have rows. Found none"),
        ("false.parquet", "a,b\n1,2\n", "should be a parquet file. It cannot be read"),
        ("binary.csv", "\udcff\udcfe", "cannot be read"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(qs.UserError, match=message):
            read_table(tmp_path / name)


def test_columns_called_by_numbers():
    rows = shops()[["shop", "price", "sold"]]
    made = qs.tasks.Table(rows.set_axis([0, 1, 2], axis=1), task=0, target=2)
    named = qs.tasks.Table(rows, task="shop", target="sold")
    assert made.features == ("1",) and torch.equal(made.whole().x, named.whole().x)


def test_an_index_of_its_own():
    """Labels of rows that occur twice are no matter."""
    rows = shops()
    twice = rows.set_axis([0] * len(rows), axis=0)
    assert torch.equal(table(twice).whole().x, table(rows).whole().x)


@pytest.mark.parametrize("unit", [1e-30, 1e-12, 1e12, 1e30])
def test_units_of_targets_do_not_matter(unit):
    made = [table(shops().assign(sold=shops()["sold"] * one)) for one in (1.0, unit)]
    scaled = [TableForm.of(one.whole(), one.labels).tasks(one.whole()).y for one in made]
    torch.testing.assert_close(scaled[1], scaled[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("carry", "names"),
    [
        (lambda shop: shop, ("1", "2", "10")),
        (lambda shop: shop.astype(float), ("1", "2", "10")),
        (lambda shop: shop.astype("Int64"), ("1", "2", "10")),
        (lambda shop: shop.map(Decimal), ("1", "2", "10")),
        (lambda shop: shop.astype("category"), ("1", "2", "10")),
        (lambda shop: shop.astype(str), ("1", "10", "2")),
    ],
    ids=["whole", "float", "nullable", "decimal", "category", "text"],
)
def test_tasks_have_one_name_whatever_carries_it(carry, names):
    rows = pd.DataFrame({"shop": [1, 2, 10] * 2, "x": range(6), "y": range(6)})
    assert table(rows.assign(shop=carry(rows["shop"])), target="y", features=None).names == names


def test_asked_for_columns():
    rows = shops().assign(code=["1", "2"] * 16, zip=list(range(32)))
    made = table(rows, features=None, columns={"code": "number", "zip": "ignore"})
    assert made.features == ("price", "day", "grade", "code") and "zip" not in made.frame
    assert "code" in made.whole().encoder.names
    assert "\n".join(made.schema.lines()).count("asked for") == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: table(target="shop"), "another column than the task. Found 'shop' as both"),
        (lambda: table(target=["sold", "sold"]), r"every column once. Found \['sold'\] twice"),
        (
            lambda: table(pd.concat([shops(), shops()[["price"]]], axis=1)),
            r"names of their own. Found \['price'\] twice",
        ),
        (
            lambda: table(columns={"cost": "number"}),
            r"should have a column \['cost'\]",
        ),
        (lambda: table(columns={"day": "number"}), "Column 'day' should hold numbers. Found"),
    ],
)
def test_what_is_asked_wrongly(make, message):
    with pytest.raises(qs.UserError, match=message):
        make()
