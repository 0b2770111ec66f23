"""Boosting finds the common curve, and no row is predicted from itself."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import (
    BoostedPrior,
    LearnedPrior,
)
from quickstudy.ladder.rungs.boosted import CrossFitted
from tests.unit.ladder.small import passes, table


class StraightPrior(LearnedPrior):
    """A learned prior on the features as they are."""

    name = "straight"

    def fit(self, train: qs.tasks.TableTasks, seed: int) -> None:
        self.learner = qs.LinearPrior(qs.models.Powers(train.x.shape[1], 1)).to(train.x.dtype)
        self.learner.fit_tasks(train)


def test_boosting_finds_the_curve_that_tasks_share():
    """Levels of their own and one curve for all: a straight prior has no curve, boosting alone no
    levels of new tasks."""
    frame = table(16, 30).frame.copy()
    frame["y"] += 8 * np.sin(2 * frame["x"])
    curved = qs.tasks.Table(frame, "shop", "y")
    boosted = BoostedPrior(folds=3, repeats=1)
    rows = {
        score.name: score.error for score in ladder_rows(curved, 1, ways=[StraightPrior(), boosted])
    }
    new = {
        score.name: score.error
        for score in ladder_tasks(curved, (4,), 4, 1, draws=1, ways=[StraightPrior(), boosted])
    }
    assert rows[boosted.name] < 0.6 * rows["straight"] and new[boosted.name] < 0.6 * new["straight"]


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
