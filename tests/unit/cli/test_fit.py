"""``quickstudy fit``, adapt and predict: from a table of shops to a new shop's predictions."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.cli.fit import main as fit
from quickstudy.ladder.rungs import Rung, rungs
from quickstudy.tasks.table_form import TableForm
from tests.unit.cli.processes import run


def shops(num_tasks: int, rows: int, seed: int) -> pd.DataFrame:
    """Every shop has a level of its own; a price and a day move all alike."""
    draw = np.random.default_rng(seed)
    shop = np.repeat(np.arange(num_tasks), rows)
    table = pd.DataFrame(
        {
            "shop": shop,
            "price": draw.normal(5, 2, len(shop)),
            "day": draw.choice(["mon", "sat"], len(shop)),
        }
    )
    table["sold"] = (
        draw.normal(500, 80, num_tasks)[shop]
        - 30 * table["price"]
        + 40 * (table["day"] == "sat")
        + draw.normal(0, 5, len(shop))
    )
    return table


PLACES = ("quickstudy.ladder.ladder", "quickstudy.ladder.deployed", "quickstudy.ladder.kept")
"""Where the ladder is made."""
PLAIN = (
    "ridge, task one-hot",
    "mixed model, random intercept",
    "mixed model, random slopes",
    "learned prior",
    "pooled, ridge",
)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("shops")
    table, new = shops(12, 20, 0), shops(1, 30, 1)
    table.loc[3, "sold"] = np.nan
    new.loc[1, "sold"] = np.nan
    new.loc[20, "day"] = "holiday"
    found = {name: folder / f"{name}.csv" for name in ("table", "new", "unknown")}
    table.to_csv(found["table"], index=False)
    new[:4].drop(columns="shop").to_csv(found["new"], index=False)
    new[4:].drop(columns=["shop", "sold"]).to_csv(found["unknown"], index=False)
    new[4:].to_csv(folder / "truth.csv", index=False)
    options = (
        "--task",
        "shop",
        "--target",
        "sold",
        "--splits",
        3,
        "--shots",
        3,
        "--time",
        4,
        "--threads",
        1,
        "--json",
    )
    done = run(folder / "cwd", "fit", found["table"], *options, "--out", folder / "run")
    assert done.code == 0, done.err
    (folder / "fit.json").write_text(done.out)
    (folder / "fit.txt").write_text(done.err)
    return found | {
        "run": folder / "run",
        "truth": folder / "truth.csv",
        "json": folder / "fit.json",
        "words": folder / "fit.txt",
    }


def test_the_ladder_is_climbed_and_the_best_kept(places):
    found, words = json.loads(places["json"].read_text()), places["words"].read_text()
    errors: dict[tuple[str, int | None], list[float]] = {}
    for score in found["scores"]:
        errors.setdefault((score["name"], score["shot"]), []).append(score["metrics"]["rmse"])
    protocols = {way: np.mean(values) for way, values in errors.items()}
    assert {shot for _, shot in protocols} == {None, 3}
    kept = (found["deployed"], found["known"])
    assert protocols[kept[0], 3] < 0.3 * protocols["pooled, ridge", 3]
    assert protocols[kept[1], None] == min(protocols[name, None] for name in PLAIN)
    assert (
        "239 rows of 12 tasks, 2 columns to predict sold from (numbers)" in words
        and "1 rows without a target were left out" in words
    )
    assert "New rows of known tasks: " in words and "95 % interval" in words
    assert f"Kept for known tasks: {kept[1]}." in words
    assert f"Kept for new tasks: {kept[0]}." in words and "vmap" not in words
    page = (places["run"] / "report.html").read_text()
    assert (
        "95 % interval" in page
        and "quickstudy fit" in page
        and (places["run"] / "figures" / "ladder-3-shot.png").exists()
    )
    described = json.loads((places["run"] / "run.json").read_text())
    assert (described["source"]["way"], described["source"]["known_way"]) == kept
    assert described["table"]["targets"] == ["sold"]


def test_a_new_shop_is_mastered_from_three_rows(places, tmp_path):
    done = run(tmp_path, "adapt", places["run"], places["new"], "--out", tmp_path / "task.qs")
    assert (
        done.code == 0
        and "3 examples." in done.err
        and "1 rows without a target were left out" in done.err
    )
    done = run(tmp_path, "predict", tmp_path / "task.qs", places["unknown"], "--json")
    assert done.code == 0, done.err
    predictions, truth = json.loads(done.out)["predictions"], pd.read_csv(places["truth"])["sold"]
    values = np.array([one["values"]["sold"] for one in predictions])
    low, high = np.array([one["interval_90"]["sold"] for one in predictions]).T
    known = np.arange(len(truth)) != 16  # a day that no shop had
    assert np.abs(values - truth)[known].mean() < 15
    assert (
        ((low < truth) & (truth < high))[known].mean() > 0.7
        and (low < values).all()
        and (values < high).all()
    )
    shown = run(tmp_path, "predict", tmp_path / "task.qs", places["unknown"])
    assert shown.code == 0 and " to " in shown.out


def test_the_run_is_loaded_in_python(places):
    assert isinstance(qs.load(places["run"]), qs.LinearPrior)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nowhere.csv", "--task", "shop", "--target", "sold"),
            "should be a CSV or Parquet file. Found nothing there",
        ),
        (("TABLE", "--task", "store", "--target", "sold"), "should have a column ['store']"),
        (
            ("TABLE", "--task", "shop", "--target", "day", "--kind", "regression"),
            "Column 'day' should hold numbers",
        ),
        (
            ("TABLE", "--task", "shop", "--target", "sold", "--drop", "cost"),
            "--drop should name columns to predict from. Found ['cost']",
        ),
        (
            (
                "TABLE",
                "--task",
                "shop",
                "--target",
                "sold",
                "--features",
                "price",
                "--drop",
                "price",
            ),
            "a column to predict from. Found none",
        ),
        (
            ("TABLE", "--task", "shop", "--target", "sold", "--splits", "0"),
            "--splits should be at least 1. Found 0",
        ),
        (
            ("TABLE", "--task", "shop", "--target", "sold", "--time", "0"),
            "--time should be more than 0 seconds. Found 0",
        ),
        (
            ("TABLE", "--task", "shop", "--target", "sold", "--new", "1.5"),
            "--new should be between 0 and 1. Found 1.5",
        ),
        (("TABLE", "--task", "day", "--target", "sold"), "at least 4 tasks"),
        (("TABLE", "--task", "shop", "--target", "sold", "--out", "RUN"), "holds a run already"),
        (("TABLE", "--task", "shop"), "target"),
    ],
)
def test_mistakes_cost_a_line(places, tmp_path, arguments, message):
    named = {"TABLE": places["table"], "RUN": places["run"]}
    done = run(tmp_path, "fit", *(named.get(argument, argument) for argument in arguments))
    assert done.code == 2 and message in done.err.replace("\n", " ") and "Traceback" not in done.err


class Interrupted(Rung):
    """A way during which the user presses Ctrl-C."""

    name = "interrupted"

    def fit(self, train, seed):
        raise KeyboardInterrupt

    def predict(self, episode, known):
        raise AssertionError


def test_ctrl_c_keeps_what_is_known(places, tmp_path, capsys):
    quick = [rung for rung in rungs() if rung.name in ("pooled, ridge", "ridge, task one-hot")]
    with pytest.MonkeyPatch.context() as patch:
        for place in PLACES:
            patch.setattr(f"{place}.rungs", lambda kind: [*quick, Interrupted()])
        options = ("--task", "shop", "--target", "sold", "--splits", "2", "--shots", "3")
        assert fit((str(places["table"]), *options, "--out", str(tmp_path / "run"))) == 0
        told = capsys.readouterr()
        assert "Interrupted: going on with what is known." in told.err
        assert "Kept for new tasks: ridge, task one-hot." in told.out
        patch.setattr("quickstudy.ladder.ladder.rungs", lambda kind: [Interrupted()])
        with pytest.raises(KeyboardInterrupt):
            fit((str(places["table"]), *options, "--out", str(tmp_path / "nothing")))
    assert not (tmp_path / "nothing").exists()


@pytest.fixture(scope="module")
def classes(places: dict[str, Path]) -> Path:
    """A run on whether a shop sells much, text and an empty cell, by the quick rungs."""
    folder = places["run"].parent / "classes"
    folder.mkdir()
    for name in ("table", "new", "truth"):
        rows = pd.read_csv(places.get(name, places["truth"]))
        rows["much"] = np.where(rows["sold"] > 350, "much", "little")
        rows.loc[rows["sold"].isna(), "much"] = np.nan
        rows.drop(columns="sold").to_csv(folder / f"{name}.csv", index=False)
    ways = [
        rung
        for rung in rungs(qs.targets.Classes(2))
        if rung.name in ("majority", "pooled, logistic", "learned prior")
    ]
    with pytest.MonkeyPatch.context() as patch:
        for place in PLACES:
            patch.setattr(f"{place}.rungs", lambda kind: ways)
        arguments = (
            "--task",
            "shop",
            "--target",
            "much",
            "--splits",
            "2",
            "--shots",
            "3",
            "--out",
            str(folder / "run"),
        )
        assert fit((str(folder / "table.csv"), *arguments)) == 0
    return folder


def test_text_is_fitted_as_classes(classes):
    described = json.loads((classes / "run" / "run.json").read_text())
    assert (
        described["table"]["classes"] == ["little", "much"]
        and described["source"]["way"] == "learned prior"
    )
    assert {tuple(score["metrics"]) for score in described["scores"]} == {("log_loss", "accuracy")}
    assert isinstance(qs.load(classes / "run"), qs.LogisticPrior)


def test_a_new_shop_of_classes_is_mastered(classes, tmp_path):
    done = run(
        tmp_path, "adapt", classes / "run", classes / "new.csv", "--out", tmp_path / "task.qs"
    )
    assert (
        done.code == 0
        and "2 classes: little (" in done.err
        and "1 rows without a target were left out" in done.err
    )
    done = run(tmp_path, "predict", tmp_path / "task.qs", classes / "truth.csv", "--json")
    assert done.code == 0, done.err
    predictions = json.loads(done.out)["predictions"]
    learner, form = (
        qs.load(classes / "run"),
        TableForm.from_dict(json.loads((classes / "run" / "run.json").read_text())["table"]),
    )
    support, new = pd.read_csv(classes / "new.csv").dropna(), pd.read_csv(classes / "truth.csv")
    adapted = learner.adapt(qs.Batch.of(form.inputs(support), form.outputs(support)))
    expected = learner.predict(adapted, form.inputs(new).unsqueeze(0))[0].softmax(1)
    found = [[one["probabilities"][name] for name in ("little", "much")] for one in predictions]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert [one["label"] for one in predictions] == [
        ("little", "much")[index] for index in expected.argmax(1)
    ]


def test_a_new_shop_of_other_classes_is_refused(classes, tmp_path):
    (tmp_path / "other.csv").write_text("price,day,much\n3,mon,little\n4,sat,heaps\n")
    done = run(tmp_path, "adapt", classes / "run", tmp_path / "other.csv")
    assert (
        done.code == 2
        and "the classes that were learned: little, much. Found ['heaps']"
        in done.err.replace("\n", " ")
    )


def test_the_rows_of_known_shops_and_of_others_are_predicted_by_the_run(places, tmp_path):
    rows = shops(12, 20, 0)
    asked = rows[rows.index % 4 == 1].copy()
    strange = shops(1, 3, 5).assign(shop=99)
    both = pd.concat([asked, strange]).sample(frac=1, random_state=0)
    both.to_csv(tmp_path / "rows.csv", index=False)
    done = run(tmp_path, "predict", places["run"], tmp_path / "rows.csv", "--json")
    assert done.code == 0, done.err
    assert "3 rows are of tasks that were not learned (99)" in done.err
    predictions = json.loads(done.out)["predictions"]
    found = np.array([one["values"]["sold"] for one in predictions])
    known = (both["shop"] != 99).to_numpy()
    assert np.abs(found - both["sold"])[known].mean() < 10
    # a shop that is not known has the common level
    level = 500 - 30 * both["price"] + 40 * (both["day"] == "sat")
    assert np.abs(found - level)[~known].max() < 90
    bare = both.drop(columns="shop")
    bare.to_csv(tmp_path / "bare.csv", index=False)
    done = run(tmp_path, "predict", places["run"], tmp_path / "bare.csv")
    assert done.code == 2 and "should have a column ['shop']" in done.err


def test_a_shop_of_no_rows_is_what_all_have_in_common(places, tmp_path):
    (tmp_path / "bare.csv").write_text("price,day,sold\n3,mon,\n")
    done = run(tmp_path, "adapt", places["run"], tmp_path / "bare.csv", "--out", tmp_path / "t.qs")
    assert done.code == 0 and "No row has sold: the task is what all tasks" in done.err
    (tmp_path / "rows.csv").write_text("shop,price,day\n77,3,mon\n")
    told = [
        json.loads(run(tmp_path, "predict", asked, tmp_path / "rows.csv", "--json").out)
        for asked in (tmp_path / "t.qs", places["run"])
    ]
    (one,), (other,) = (each["predictions"] for each in told)
    assert one["values"]["sold"] == pytest.approx(other["values"]["sold"], rel=1e-5)
    assert one["interval_90"]["sold"] == pytest.approx(other["interval_90"]["sold"], rel=1e-5)


def test_mistakes_after_fitting(places, tmp_path):
    (tmp_path / "other.csv").write_text("price,sold\n3,4\n")
    (tmp_path / "text.csv").write_text("price,day,sold\ncheap,mon,4\n")
    for name, message in (
        ("other", "should have a column ['day']"),
        ("text", "'price' should hold numbers"),
    ):
        done = run(tmp_path, "adapt", places["run"], tmp_path / f"{name}.csv")
        assert done.code == 2 and message in done.err and not (tmp_path / "task.qs").exists()
    done = run(tmp_path, "adapt", places["run"], places["new"], "--target", "sold")
    assert done.code == 2 and "this run knows the columns of its table" in done.err
