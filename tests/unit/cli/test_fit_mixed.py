"""``fit``, ``adapt`` and ``predict`` of a number and a class, some labels missing."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.cli.adapt import main as adapt
from quickstudy.cli.fit import FitOptions, table_of
from quickstudy.cli.fit import main as fit
from quickstudy.cli.predict import main as predict
from quickstudy.ladder.rungs import MetaLearnedSharing, rungs
from quickstudy.tasks.table_form import TableForm

PLACES = ("quickstudy.ladder.ladder", "quickstudy.ladder.deployed", "quickstudy.ladder.kept")
"""Where the ladder is made."""
QUICK = ("support mean", "single task, linear", "pooled, linear")


def read(folder: Path, target: tuple[str, ...], kind: str = "auto", **options) -> qs.tasks.Table:
    """Read the table ``t.csv``."""
    return table_of(FitOptions(table=folder / "t.csv", task="shop", target=target, **options), kind)


def schools(num_tasks: int, rows: int, seed: int) -> pd.DataFrame:
    """A score and whether a pupil passed, which both move with the school's level."""
    draw = np.random.default_rng(seed)
    school = np.repeat(np.arange(num_tasks), rows)
    level, hours = draw.normal(0, 2, num_tasks)[school], draw.normal(size=len(school))
    table = pd.DataFrame(
        {
            "school": school,
            "hours": hours,
            "score": 50 + 10 * (level + hours + draw.normal(0, 0.2, len(school))),
        }
    )
    return table.assign(
        passed=np.where(level + hours + 0.3 * draw.logistic(size=len(school)) > 0, "yes", "no")
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, draw = tmp_path_factory.mktemp("schools"), np.random.default_rng(0)
    table, new = schools(10, 16, 0), schools(1, 12, 7).drop(columns="school")
    for name in ("score", "passed"):
        table[name] = table[name].where(draw.random(len(table)) > 0.2)
    table.loc[3, ["score", "passed"]] = None
    new.loc[1, "score"], new.loc[2, "passed"], new.loc[3, ["score", "passed"]] = np.nan, None, None
    frames = {"table": table, "new": new[:6], "unknown": new[6:].drop(columns=["score", "passed"])}
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return {name: folder / f"{name}.csv" for name in frames} | {"folder": folder}


def fitted(files: dict[str, Path], top: list, name: str) -> Path:
    """A run of the quick rungs and those at the top."""
    ways = [rung for rung in rungs(qs.targets.Several((0, 2))) if rung.name in QUICK] + top
    with pytest.MonkeyPatch.context() as patch:
        for place in PLACES:
            patch.setattr(f"{place}.rungs", lambda kind: ways)
        options = (
            "--task",
            "school",
            "--target",
            "score",
            "passed",
            "--splits",
            "1",
            "--shots",
            "4",
            "--threads",
            "1",
        )
        assert fit((str(files["table"]), *options, "--out", str(files["folder"] / name))) == 0
    return files["folder"] / name


@pytest.fixture(scope="module")
def run(files) -> Path:
    return fitted(
        files,
        [rung for rung in rungs(qs.targets.Several((0, 2))) if rung.name == "learned prior"],
        "prior",
    )


def predicted(files: dict[str, Path], run: Path, capsys: pytest.CaptureFixture[str]) -> list[dict]:
    """What is said of the unknown rows."""
    assert (
        adapt((str(run), str(files["new"]), "--out", str(run / "task.qs"), "--threads", "1")) == 0
    )
    said = capsys.readouterr().err
    assert (
        "5 examples, with labels of score (4), passed (4)." in said
        and "1 rows without a target were left out" in said
    )
    assert predict((str(run / "task.qs"), str(files["unknown"]), "--json", "--threads", "1")) == 0
    return json.loads(capsys.readouterr().out)["predictions"]


def test_the_ladder_is_climbed_for_both_targets(run):
    described = json.loads((run / "run.json").read_text())
    assert described["source"]["way"] == "learned prior" and isinstance(qs.load(run), qs.MixedPrior)
    assert {tuple(score["metrics"]) for score in described["scores"]} == {
        ("error", "rmse of score", "log_loss of passed")
    }
    page = (run / "report.html").read_text()
    assert "Error: the mean over targets of the log-loss" in page and "passed\nlog-loss" in page
    assert described["table"]["targets"] == ["score", "passed"] and described["table"][
        "labels"
    ] == [[], ["no", "yes"]]


def test_a_new_school_is_mastered_for_both_targets(files, run, capsys):
    """What the command line says is what the learner says, in the table's units."""
    predictions = predicted(files, run, capsys)
    learner = qs.load(run)
    form = TableForm.from_dict(json.loads((run / "run.json").read_text())["table"])
    rows = pd.read_csv(files["new"]).dropna(how="all", subset=["score", "passed"])
    new = pd.read_csv(files["unknown"])
    support = qs.Batch.of(form.inputs(rows), form.outputs(rows), form.target)
    scores = learner.predict(learner.adapt(support), form.inputs(new).unsqueeze(0))[0]
    np.testing.assert_allclose(
        [one["values"]["score"] for one in predictions],
        scores[:, 0] * form.scale[0] + form.mean[0],
        rtol=1e-5,
    )
    probabilities = [
        [one["probabilities"]["passed"][name] for name in ("no", "yes")] for one in predictions
    ]
    np.testing.assert_allclose(probabilities, scores[:, 1:].softmax(1), rtol=1e-5)
    assert [one["labels"]["passed"] for one in predictions] == [
        ("no", "yes")[index] for index in scores[:, 1:].argmax(1)
    ]
    for one in predictions:
        assert list(one["values"]) == list(one["interval_90"]) == ["score"] and list(
            one["labels"]
        ) == ["passed"]
        assert (
            one["interval_90"]["score"][0] < one["values"]["score"] < one["interval_90"]["score"][1]
        )
    truth = schools(1, 12, 7)[6:]
    assert np.abs(truth["score"] - [one["values"]["score"] for one in predictions]).mean() < 5
    assert predict((str(run / "task.qs"), str(files["unknown"]), "--threads", "1")) == 0
    shown = capsys.readouterr().out
    assert "score" in shown and "passed" in shown and " to " in shown and "%" in shown


def test_a_network_serves_new_tasks_where_it_is_best(files, capsys):
    run = fitted(files, [MetaLearnedSharing(8)], "network")
    said = capsys.readouterr().out
    assert (
        "score is a number, " in said
        and "passed is 2 classes, " in said
        and "rows without a target were left out." in said
    )
    assert (
        "Least error for score: " in said
        and "Kept for new tasks: meta-learned sharing (ANIL)" in said
    )
    learner = qs.load(run)
    assert isinstance(learner, qs.ANIL) and learner.model.targets == (0, 2)
    (first, *_) = predicted(files, run, capsys)
    assert set(first) == {"file", "example", "values", "labels", "probabilities"}
    assert sum(first["probabilities"]["passed"].values()) == pytest.approx(1)


def test_which_kind_a_target_is(tmp_path):
    (tmp_path / "t.csv").write_text(
        "shop,x,sold,late,grade\n1,1,2,True,3\n1,2,3,,4\n2,3,4,False,1\n2,4,,True,5\n3,1,,,\n"
    )
    made = read(tmp_path, ("sold", "late"), drop=("grade",))
    assert (
        made.target == qs.targets.Several((0, 2))
        and made.num_unlabelled == 1
        and made.features == ("x",)
    )
    numbers = read(tmp_path, ("sold", "grade"))
    assert numbers.target == qs.targets.Numbers((2,)) and numbers.num_unlabelled == 2
    assert read(tmp_path, ("late",)).target == qs.targets.Classes(2)
    with pytest.raises(
        qs.UserError, match=r"Classification predicts one column. Found 2: sold, late"
    ):
        read(tmp_path, ("sold", "late"), "classification")
    # true and false are numbers if they are asked for as such
    numbers = read(tmp_path, ("sold", "late"), "regression")
    assert numbers.target == qs.targets.Numbers((2,)) and numbers.num_unlabelled == 3


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "hours,score,passed\n1,2,maybe\n",
            "Column 'passed' should hold the classes that were learned: no, yes. Found ['maybe']",
        ),
        ("hours,score,passed\n1,high,yes\n", "'score' should hold numbers"),
        ("hours,score\n1,2\n", "should have a column ['passed']"),
    ],
)
def test_mistakes_after_fitting(run, tmp_path, rows, message):
    (tmp_path / "rows.csv").write_text(rows)
    with pytest.raises(qs.UserError) as error:
        adapt((str(run), str(tmp_path / "rows.csv"), "--out", str(tmp_path / "task.qs")))
    assert message in str(error.value) and not (tmp_path / "task.qs").exists()
