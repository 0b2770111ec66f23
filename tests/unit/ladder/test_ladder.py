"""The ladder: its scores against scikit-learn's, and its rungs on planted tasks of numbers and of
classes."""

import signal

import numpy as np
import pytest
from sklearn.metrics import r2_score, root_mean_squared_error

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows, ladder_tasks, seconds_for, splits_for
from quickstudy.ladder.rungs import (
    LearnedPrior,
    MetaLearnedSharing,
    Pooled,
    Rung,
    Sharing,
    SupportMeanRung,
    rungs,
)
from tests.unit.ladder.small import passes, table


class Told(Rung):
    """Predicts the scaled first feature, so that its scores can be computed from the table."""

    name = "told"

    def predict(self, episode, known):
        return episode.query.x[..., :1]


def test_scores_are_those_of_scikit_learn():
    (score,) = ladder_rows(table(), splits=1, ways=[Told()])
    train, test = table().split_rows(0.75, 0)
    predicted = (test.x[:, :1] * train.y.std(0, correction=0) + train.y.mean(0)).numpy()
    by_task = [
        root_mean_squared_error(test.y[test.task == t].numpy(), predicted[test.task == t])
        for t in range(12)
    ]
    assert score.error == score.metrics["rmse"] == pytest.approx(np.mean(by_task), rel=1e-5)
    assert score.metrics["explained_variance"] == pytest.approx(
        r2_score(test.y.numpy(), predicted), rel=1e-5
    )


def test_what_is_shared_is_worth_something_where_tasks_share():
    """Two rows of a new task: the prior knows the slope, so they give the level; a line through two
    rows does not do."""
    ways = [
        SupportMeanRung(),
        next(rung for rung in rungs() if rung.name == "single task, ridge"),
        Pooled(),
        LearnedPrior(),
    ]
    found = {
        (score.name, score.shot): score.error
        for score in ladder_tasks(table(), (2, 6), 4, splits=1, draws=2, ways=ways)
    }
    prior = {shot: found["learned prior", shot] for shot in (2, 6)}
    assert prior[6] < prior[2] < 2 and all(
        prior[shot] < 0.7 * found[name, shot]
        for name in ("support mean", "pooled, ridge")
        for shot in (2, 6)
    )
    assert prior[2] < 0.5 * found["single task, ridge", 2]


@pytest.mark.parametrize("tasks", [table, passes])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Sharing("pooled", False, True, 60),
        lambda: Sharing("hard", True, False, 60),
        lambda: Sharing("refitted", True, True, 60),
        lambda: MetaLearnedSharing(60),
    ],
)
def test_networks_learn(make, tasks):
    scores = ladder_rows(tasks(), splits=1, ways=[Pooled(), make()])
    assert scores[1].error < scores[0].error


def test_what_is_shared_is_worth_something_where_classes_are():
    """Five rows of a new task: the prior knows the slope, so they give the level."""
    linear = next(
        rung for rung in rungs(qs.targets.Classes(2)) if rung.name == "single task, logistic"
    )
    ways = [SupportMeanRung("majority"), linear, Pooled("pooled, logistic"), LearnedPrior()]
    found = {
        score.name: score
        for score in ladder_tasks(passes(30), (5,), 8, splits=1, draws=2, ways=ways)
    }
    prior = found.pop("learned prior")
    assert all(
        prior.metrics["log_loss"] < 0.8 * other.metrics["log_loss"] for other in found.values()
    )
    assert all(
        prior.metrics["accuracy"] > other.metrics["accuracy"] + 0.04 for other in found.values()
    )


def test_the_splits_are_seeded_and_paired():
    one, two = (
        ladder_tasks(table(), (3,), 4, splits=2, draws=1, ways=[Pooled()]) for _ in range(2)
    )
    assert [score.error for score in one] == [score.error for score in two] and one[0].error != one[
        1
    ].error
    assert [score.split for score in one] == [0, 1]


def test_ctrl_c_breaks_off_the_ladder(monkeypatch):
    """A network that was interrupted is not judged as if it were trained."""
    sample, steps = qs.tasks.table_tasks.TableEpisodes.sample, []

    def interrupting(self, *arguments):
        steps.append(1)
        if len(steps) == 5:
            signal.raise_signal(signal.SIGINT)
        return sample(self, *arguments)

    monkeypatch.setattr(qs.tasks.table_tasks.TableEpisodes, "sample", interrupting)
    with pytest.raises(KeyboardInterrupt):
        ladder_rows(table(), 1, ways=[MetaLearnedSharing()])
    assert len(steps) < 10


def test_few_rows_have_more_splits_and_many_more_time():
    assert [splits_for(rows) for rows in (150, 360, 919, 15_362)] == [20, 10, 5, 5]
    assert seconds_for(919) == 30 and 90 < seconds_for(15_362) < 120
    assert seconds_for(10**7) == 600


def test_the_ladder_holds_what_a_practitioner_would_use():
    of_numbers, of_classes = (
        {rung.name: rung.family for rung in rungs(target)}
        for target in (qs.targets.Numbers(), qs.targets.Classes(2))
    )
    plain = [name for name, family in of_numbers.items() if family == "plain"]
    assert plain[:3] == [
        "ridge, task one-hot",
        "mixed model, random intercept",
        "mixed model, random slopes",
    ]
    assert "boosting that sees the task" in plain
    assert of_classes["logistic, task one-hot"] == of_classes["boosting that sees the task"]
    assert of_numbers["pooled, ridge"] == "blind" and of_numbers["single task, ridge"] == "alone"
    assert of_numbers["learned prior"] == of_numbers["hard sharing"] == "learned"
