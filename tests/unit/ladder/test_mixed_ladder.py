"""The ladder on several targets of different kinds: each target's scores are those of a ladder on
it alone."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import log_loss, root_mean_squared_error

import quickstudy as qs
from quickstudy.ladder.judge import judge_by_target
from quickstudy.ladder.ladder import Score, ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import (
    ByTarget,
    LearnedPrior,
    MetaLearnedSharing,
    Network,
    Pooled,
    Rung,
    Sharing,
    SingleTask,
    SupportMeanRung,
    rungs,
)
from quickstudy.reporting.ladder import lines, verdict
from quickstudy.tasks.table_form import TableForm

KINDS = {"score": "regression", "passed": "classification"}
METRICS = {"score": "rmse of score", "passed": "log_loss of passed"}


def frame(num_tasks: int = 12, rows: int = 20, missing: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """A score and whether a school's pupil passed: both move with the school's own level."""
    draw = np.random.default_rng(seed)
    school = np.repeat(np.arange(num_tasks), rows)
    x, level = draw.normal(size=(len(school), 2)), draw.normal(0, 2, num_tasks)[school]
    table = pd.DataFrame({"school": school, "hours": x[:, 0], "age": x[:, 1]})
    table["score"] = 50 + 10 * (level + 2 * x[:, 0] + draw.normal(0, 0.3, len(school)))
    table["passed"] = np.where(
        level + x[:, 1] + 0.3 * draw.logistic(size=len(school)) > 0, "yes", "no"
    )
    for name in KINDS:
        table[name] = table[name].where(draw.random(len(school)) >= missing)
    return table


def mixed(data: pd.DataFrame) -> qs.tasks.Table:
    return qs.tasks.Table(data, "school", list(KINDS), KINDS)


QUICK = (
    SupportMeanRung,
    lambda: SingleTask("linear", "linear"),
    lambda: SingleTask("boosting", "boosting"),
    Pooled,
    LearnedPrior,
)


@pytest.mark.parametrize("make", QUICK)
def test_each_target_is_predicted_as_on_its_own(make):
    """Exactly: what the plain rung says on a table of that target alone."""
    data = frame(8, 12)
    both = ByTarget(make)
    train, test = mixed(data).split_rows(0.75, 0)
    both.fit(train, 0)
    found = both.predict(qs.Episode(train.batch(), test.batch(), test.identity), True).split(
        [1, 2], -1
    )
    (score,) = ladder_rows(mixed(data), 1, ways=[both])
    for (name, kind), said in zip(KINDS.items(), found, strict=True):
        table = qs.tasks.Table(
            data.drop(columns=[other for other in KINDS if other != name]), "school", name, kind
        )
        train, test = table.split_rows(0.75, 0)
        alone = make()
        alone.fit(train, 0)
        assert torch.equal(
            said, alone.predict(qs.Episode(train.batch(), test.batch(), test.identity), True)
        )
        assert score.metrics[METRICS[name]] == pytest.approx(
            ladder_rows(table, 1, ways=[make()])[0].error, rel=1e-4
        )


@pytest.mark.parametrize(
    "make", [*(lambda make=make: ByTarget(make) for make in QUICK[:4]), LearnedPrior]
)
def test_a_missing_label_changes_nothing_for_the_other_target(make):
    data = frame(8, 12)
    lacking = data.assign(
        passed=data["passed"].where(np.random.default_rng(1).random(len(data)) > 0.4)
    )
    found = []
    for table in map(mixed, (data, lacking)):
        train, test = table.split_rows(0.75, 0)
        rung = make()
        rung.fit(train, 0)
        found.append(rung.predict(qs.Episode(train.batch(), test.batch(), test.identity), True))
    score, passed = zip(*(one.split([1, 2], -1) for one in found), strict=True)
    assert torch.equal(*score) and not torch.equal(*passed)


class Told(Rung):
    """Predicts the scaled hours as the score, and an even chance."""

    name = "told"

    def predict(self, episode, known):
        return torch.cat([episode.query.x[..., :1], torch.full_like(episode.query.x, 0.5)], -1)


def test_the_error_is_the_mean_over_targets():
    table = mixed(frame(missing=0.3))
    (score,) = ladder_rows(table, 1, ways=[Told()])
    train, test = table.split_rows(0.75, 0)
    known = ~test.y[:, 0].isnan()
    numbers = train.y[:, 0][~train.y[:, 0].isnan()]
    scale = float(numbers.std(correction=0))
    predicted = test.x[:, 0] * scale + numbers.mean()
    by_task = [(known & (test.task == task)).numpy() for task in range(12)]
    rmse = np.mean([root_mean_squared_error(test.y[own, 0], predicted[own]) for own in by_task])
    assert list(score.metrics) == ["error", *METRICS.values()]
    assert score.metrics["rmse of score"] == pytest.approx(rmse, rel=1e-5)
    assert score.metrics["log_loss of passed"] == pytest.approx(
        log_loss([0, 1], [0.5, 0.5]), rel=1e-5
    )
    assert score.error == pytest.approx((rmse / scale + math.log(2)) / 2, rel=1e-5)


def test_what_is_shared_is_worth_something_for_both_targets():
    """Four rows of a new school, some labels missing: the prior knows the slopes, so they give the
    level that both targets have."""
    ways = [
        ByTarget(SupportMeanRung),
        ByTarget(lambda: SingleTask("linear", "linear")),
        ByTarget(Pooled),
        LearnedPrior(),
    ]
    found = {
        score.name: score.metrics
        for score in ladder_tasks(mixed(frame(24, missing=0.2)), (4,), 6, 1, draws=2, ways=ways)
    }
    prior = found.pop("learned prior")
    assert all(prior[metric] < 0.85 * other[metric] for other in found.values() for metric in prior)


def test_networks_learn_both_targets_at_once():
    network = Network(True, 50)
    ways = [
        Sharing("own", True, False, network=network),
        Sharing("refitted", True, True, network=network),
        MetaLearnedSharing(40),
    ]
    pooled, *networks = ladder_rows(
        mixed(frame(8, missing=0.2)), splits=1, ways=[ByTarget(Pooled), *ways]
    )
    assert all(
        found.metrics[metric] < pooled.metrics[metric]
        for found in networks
        for metric in pooled.metrics
    )


def test_networks_say_numbers_and_probabilities():
    train, test = mixed(frame(6, 8)).split_rows(0.5)
    rung = Sharing("hard", True, False, network=Network(True, steps=2))
    rung.fit(train, 0)
    found = rung.predict(qs.Episode(train.batch(), test.batch(), test.identity), True)
    assert found.shape == (6, 4, 3) and found[..., 1:].min() > 0
    torch.testing.assert_close(found[..., 1:].sum(-1), torch.ones(6, 4))


def test_the_ladder_of_several_kinds():
    found = {rung.name: rung for rung in rungs(qs.targets.Several((0, 2)))}
    assert len(found) == 9 and "generator (FiLM)" not in found
    assert [name for name, rung in found.items() if isinstance(rung, ByTarget)] == [
        "support mean",
        "single task, linear",
        "single task, boosting",
        "pooled, linear",
    ]
    assert found["learned prior"].adapts and not any(
        rung.adapts for rung in found.values() if isinstance(rung, ByTarget)
    )


def test_a_target_that_no_query_has_is_not_judged():
    whole = mixed(frame(6, 8)).whole()
    form = TableForm.of(whole, {"score": (), "passed": ("no", "yes")})
    bare = replace(
        whole, y=torch.stack([whole.y[:, 0], torch.full_like(whole.y[:, 1], torch.nan)], 1)
    )
    predicted = torch.full((6, 8, 3), 0.5)
    both, one = (judge_by_target(predicted, tasks.batch(), form) for tasks in (whole, bare))
    assert list(one) == ["error", "rmse of score"] and one["rmse of score"] == both["rmse of score"]
    assert one["error"] == one["rmse of score"] / form.scale[0]


def test_draws_without_a_label_are_left_out_of_its_mean():
    """One pupil of every school has a label: where it is not among the queries, the mean is that of
    the other draws."""
    data = frame(8, 12)
    data["passed"] = np.where(data["school"] % 2 > 0, "yes", "no")
    data.loc[data.index % 12 > 0, "passed"] = None
    table = mixed(data)
    unseen = table.split_tasks(1, 0)[1]
    labels = [
        unseen.draw(6, None, qs.generator(0, "ladder", 6000 + draw))
        .query.y[..., 1]
        .isfinite()
        .any()
        for draw in range(6)
    ]
    assert {False, True} == set(map(bool, labels))
    (score,) = ladder_tasks(table, (6,), 1, splits=1, draws=6, ways=[Told()])
    assert score.metrics["log_loss of passed"] == pytest.approx(math.log(2)) and math.isfinite(
        score.error
    )


def test_rows_to_learn_from_need_labels_of_every_target():
    whole = mixed(frame(6, 8)).whole()
    bare = replace(
        whole, y=torch.stack([whole.y[:, 0], torch.full_like(whole.y[:, 1], torch.nan)], 1)
    )
    with pytest.raises(
        qs.UserError,
        match=r"Some rows to learn from should have a label in column \['passed'\]. Found none.",
    ):
        TableForm.of(bare, {"score": (), "passed": ("no", "yes")})


def test_the_report_has_a_column_for_every_target():
    def score(name: str, error: float, **metrics: float) -> Score:
        return Score(
            name,
            5,
            0,
            {"error": error, **{METRICS[target]: value for target, value in metrics.items()}},
            0.0,
            0.0,
        )

    scores = [
        score("single task, linear", 0.5, score=8.0, passed=0.2),
        score("pooled, linear", 0.8, score=9.0, passed=0.7),
        score("learned prior", 0.4, score=4.0, passed=0.4),
    ]
    (words,) = verdict(scores)
    assert (
        "learned prior is best (0.4); sharing pays: the error is 20.0% below the best of a "
        "task alone and 50.0% below" in words
    )
    assert words.endswith(
        "Best for score: learned prior (RMSE 4); for passed: single task, linear (log-loss 0.2)."
    )
    drawn = lines(scores, 5)
    assert [str(column.header) for column in drawn.columns] == [
        "way",
        "error",
        "score\nRMSE",
        "passed\nlog-loss",
        "fit, s",
        "adapt, ms",
    ]
    assert [list(column.cells)[2] for column in drawn.columns[:4]] == [
        "learned prior",
        "0.400",
        "4",
        "0.4",
    ]
    assert "standard deviations" in str(drawn.caption)
