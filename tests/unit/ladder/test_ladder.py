"""The ladder: its scores against scikit-learn's, and its rungs on planted tasks of numbers and of
classes."""

import signal

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

import quickstudy as qs
from quickstudy.ladder.judge import judge
from quickstudy.ladder.ladder import ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import (
    BoostedPrior,
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
from quickstudy.ladder.rungs.boosted import CrossFitted
from quickstudy.ladder.rungs.classifier import Classifier
from quickstudy.ladder.rungs.sharing import PROXIMAL
from quickstudy.tasks.table_form import TableForm


def table(num_tasks=12, rows=24, seed=0) -> qs.tasks.Table:
    """Lines whose slopes are alike and whose levels are not."""
    draw = np.random.default_rng(seed)
    shop = np.repeat(np.arange(num_tasks), rows)
    x = draw.normal(0, 2, len(shop))
    level, slope = draw.normal(50, 10, num_tasks), draw.normal(3, 0.3, num_tasks)
    return qs.tasks.Table(
        pd.DataFrame(
            {
                "shop": shop,
                "x": x,
                "y": level[shop] + slope[shop] * x + draw.normal(0, 1, len(shop)),
            }
        ),
        "shop",
        "y",
    )


def passes(num_tasks=12, rows=24, seed=0) -> qs.tasks.Table:
    """Whether a line is above 50, in shops whose levels differ."""
    frame = table(num_tasks, rows, seed).frame
    return qs.tasks.Table(
        frame.assign(y=np.where(frame["y"] > 50, "yes", "no")), "shop", "y", kind="classification"
    )


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


def test_two_rungs_on_one_network_train_it_once(monkeypatch):
    trained = []
    monkeypatch.setattr(
        "quickstudy.ladder.rungs.sharing.train_whole",
        lambda *arguments: trained.append(arguments[-1]),
    )
    network = Network(heads=True)
    ways = [
        Sharing("own", True, False, network=network),
        Sharing("refitted", True, True, network=network),
    ]
    refitted = ladder_rows(table(), splits=2, ways=ways)[-1]
    assert trained == [0, 1] and refitted.fit_seconds >= network.seconds > 0


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


def test_classes_are_judged_as_by_scikit_learn():
    generator = qs.generator(0, "judge")
    predicted = torch.rand(3, 7, 4, generator=generator).softmax(-1)
    predicted[0, 0] = torch.tensor([1.0, 0, 0, 0])
    y, mask = torch.randint(4, (3, 7), generator=generator), torch.ones(3, 7)
    y[0, 0], mask[1, 4:], mask[2] = 2, 0, 0
    found = judge(predicted, qs.Batch(torch.zeros(3, 7, 1), y, mask))
    pairs = [
        (y[task, : int(mask[task].sum())].numpy(), predicted[task, : int(mask[task].sum())].numpy())
        for task in range(2)
    ]
    assert found["log_loss"] == pytest.approx(
        np.mean([log_loss(a, p, labels=range(4)) for a, p in pairs]), rel=1e-4
    )
    assert found["accuracy"] == pytest.approx(
        np.mean([accuracy_score(a, p.argmax(1)) for a, p in pairs])
    )


def test_a_classifier_of_few_rows_counts_one_of_the_base():
    x, y, base = np.array([[0.0], [1.0], [2.0]]), np.array([0, 2, 2]), np.array([0.5, 0.25, 0.25])
    new = np.array([[0.5], [3.0]])
    by_model = LogisticRegression(C=0.1).fit(x, y).predict_proba(new)
    expected = (3 * np.stack([by_model[:, 0], 0 * by_model[:, 0], by_model[:, 1]], 1) + base) / 4
    np.testing.assert_allclose(
        Classifier("linear", x, y, base).probabilities(new), expected, rtol=1e-6
    )
    alone = [
        Classifier("linear", x[1:], y[1:], base),
        Classifier("frequencies", x[1:], y[1:], base),
    ]
    for made in alone:
        np.testing.assert_allclose(
            made.probabilities(new), [(2 * np.array([0, 0, 1]) + base) / 3] * 2
        )
    np.testing.assert_allclose(
        Classifier("linear", x[:0], y[:0], base).probabilities(new), [base] * 2
    )


def test_the_evidence_chooses_the_features():
    train, _ = table().split_rows(0.75, 0)
    chosen = []
    for square in (0.0, 1.0):
        rung = LearnedPrior()
        rung.fit(
            qs.tasks.TableTasks(
                train.x,
                (train.y - 50) / 10 + square * train.x**2,
                *(
                    getattr(train, n)
                    for n in ("task", "names", "identity", "target", "encoder", "label")
                ),
            ),
            0,
        )
        chosen.append(rung.learner.model.degree)
    assert chosen == [1, 2]


def test_a_single_task_without_rows_is_predicted_by_the_mean_of_the_others():
    rung = SingleTask("ridge", "linear")
    support = qs.Batch(
        torch.zeros(2, 2, 1),
        torch.tensor([[[1.0], [2.0]], [[0.0], [0.0]]]),
        torch.tensor([[1.0, 1.0], [0.0, 0.0]]),
    )
    episode = qs.Episode(
        support,
        qs.Batch(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), torch.ones(2, 3)),
        torch.arange(2),
    )
    assert rung.predict(episode, False)[..., 0].tolist() == [[1.5] * 3, [0.0] * 3]


def test_the_splits_are_seeded_and_paired():
    one, two = (
        ladder_tasks(table(), (3,), 4, splits=2, draws=1, ways=[Pooled()]) for _ in range(2)
    )
    assert [score.error for score in one] == [score.error for score in two] and one[0].error != one[
        1
    ].error
    assert [score.split for score in one] == [0, 1]


def test_boosting_finds_the_curve_that_tasks_share():
    """Levels of their own and one curve for all: the prior alone has no curve, boosting alone no
    levels of new tasks."""
    frame = table(16, 30).frame.copy()
    frame["y"] += 8 * np.sin(2 * frame["x"])
    curved = qs.tasks.Table(frame, "shop", "y")
    boosted = BoostedPrior(folds=3, repeats=1)
    rows = {
        score.name: score.error for score in ladder_rows(curved, 1, ways=[LearnedPrior(), boosted])
    }
    new = {
        score.name: score.error
        for score in ladder_tasks(curved, (4,), 4, 1, draws=1, ways=[LearnedPrior(), boosted])
    }
    assert (
        rows[boosted.name] < 0.6 * rows["learned prior"]
        and new[boosted.name] < 0.6 * new["learned prior"]
    )


def test_no_row_is_predicted_by_a_model_that_saw_it():
    """Of pure noise, models that saw a row would know something of it."""
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(200, 5)), draw.normal(size=200)
    fitted = CrossFitted(lambda parts: x, y, folds=5, repeats=1, seed=0)
    assert np.corrcoef(fitted.seen, y)[0, 1] < 0.1 < 0.5 < np.corrcoef(fitted(x), y)[0, 1]


def test_the_context_of_a_row_does_not_tell_its_target():
    """Levels of tasks and noise: what is said of training rows is right as often as what is said of
    new ones."""
    frame = table(20, 40).frame.copy()
    frame["y"] = frame.groupby("shop")["y"].transform("mean") / 10 + np.random.default_rng(
        1
    ).normal(size=len(frame))
    train, test = qs.tasks.Table(frame, "shop", "y").split_rows(0.5)
    boosted = BoostedPrior(folds=5, repeats=1)
    boosted.fit(train, 0)
    seen = (torch.from_numpy(boosted.stages[0][1].seen) - train.y[:, 0]).square().mean()
    episode = qs.Episode(train.batch(), test.batch(), test.identity)
    new = (
        (boosted.predict(episode, known=True) - episode.query.y)
        .square()[episode.query.mask > 0]
        .mean()
    )
    assert 0.8 < seen / new < 1.25


def test_boosting_is_for_numbers():
    with pytest.raises(qs.UserError, match="is for targets that are numbers"):
        BoostedPrior().fit(passes().whole(), 0)


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


def test_a_refitted_head_is_held_as_strongly_as_the_training_tasks_ask_for():
    """Levels that differ by far more than the noise let the head move, equal levels hold it."""
    apart, alike = table(), table()
    alike.frame["y"] = 3 * alike.frame["x"] + np.random.default_rng(1).normal(
        0, 20, len(alike.frame)
    )
    chosen = []
    for rows in (apart, qs.tasks.Table(alike.frame, "shop", "y")):
        way = Sharing("refitted", heads=False, refit=True)
        train = rows.whole()
        way.fit(TableForm.of(train, rows.labels).tasks(train), 0)
        chosen.append(way.learner.proximal)
    assert chosen == [min(PROXIMAL), max(PROXIMAL)]


def test_a_probability_that_rounds_to_0_does_not_stop_the_choice_of_a_penalty():
    """Classes far apart, and one row very far on the wrong side, which the others hold for
    impossible."""
    x = np.concatenate([np.linspace(-1e3, -9e2, 12), np.linspace(9e2, 1e3, 12)])[:, None]
    y = np.repeat([0, 1], 12)
    x[0], y[0] = -1e6, 1
    found = Classifier("linear", x, y, np.full(2, 0.5)).probabilities(x)
    assert np.isfinite(np.log(found)).all() and found[0, 1] > 0.9
