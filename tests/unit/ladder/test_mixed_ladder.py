"""The ladder on several targets of different kinds: each target's scores are those of a ladder on
it alone."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, root_mean_squared_error

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows, ladder_tasks
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
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import METRICS, frame, mixed


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
        ByTarget(lambda: SingleTask("linear")),
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
    assert "generator (FiLM)" not in found
    assert [name for name, rung in found.items() if isinstance(rung, ByTarget)] == [
        "support mean",
        "single task, linear",
        "single task, boosting",
        "pooled, linear",
        "linear, task one-hot",
        "boosting that sees the task",
        "mixed model, random intercept",
        "mixed model, random slopes",
    ]
    assert found["learned prior"].adapts and not any(
        rung.adapts for rung in found.values() if isinstance(rung, ByTarget)
    )


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
