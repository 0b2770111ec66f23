"""Logistic regression that sees the task is scikit-learn's on columns of zeros and ones."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

import quickstudy as qs
from quickstudy.ladder.rungs.logistics import INVERSE_PENALTIES
from quickstudy.ladder.rungs.one_hot_logistic import OneHotLogistic
from tests.unit.ladder.small import passes, table


def three_classes(num_tasks, rows):
    frame = table(num_tasks, rows).frame
    grade = np.digitize(frame["y"], [45, 55]).astype(str)
    return qs.tasks.Table(frame.assign(y=grade), "shop", "y", kind="classification")


@pytest.mark.parametrize("make", [passes, three_classes])
def test_known_tasks_are_predicted_by_the_regression(make):
    tasks, rung = make(6, 30).whole(), OneHotLogistic()
    rung.fit(tasks, 0)
    batch = tasks.batch()
    found = rung.predict(qs.Episode(batch, batch, tasks.identity), True).flatten(0, 1).numpy()
    x = np.column_stack([tasks.x, np.eye(6)[tasks.task]])
    apart = [
        np.abs(
            found - LogisticRegression(C=inverse, max_iter=2000).fit(x, tasks.y).predict_proba(x)
        ).mean()
        for inverse in INVERSE_PENALTIES
    ]
    # the probabilities are moderated, so they are near the regression's
    assert min(apart) < 0.04
    assert ((found.argmax(1) == tasks.y.numpy()).mean()) > 0.8


def test_a_new_task_without_rows_has_the_common_intercept():
    tasks, rung = passes(6, 30).whole(), OneHotLogistic()
    rung.fit(tasks, 0)
    nothing = qs.Batch(
        torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1), tasks.target
    )
    query = qs.Batch(
        torch.zeros(1, 1, 1), torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1), tasks.target
    )
    found = rung.predict(qs.Episode(nothing, query, torch.zeros(1, dtype=torch.long)), False)
    logit = rung.learner.mean[1, -1] - rung.learner.mean[0, -1]
    assert torch.equal(found[0, 0, 1] > 0.5, logit > 0)
    assert float(found.sum()) == pytest.approx(1)


def test_numbers_and_a_single_class_are_refused():
    assert "for classes" in OneHotLogistic().refuses(table(4, 6).whole())
    tasks = passes(4, 6).whole()
    assert not OneHotLogistic().refuses(tasks)
    tasks.y.zero_()
    assert "one class" in OneHotLogistic().refuses(tasks)
