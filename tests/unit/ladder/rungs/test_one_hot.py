"""Ridge regression that sees the task is scikit-learn's on columns of zeros and ones."""

import numpy as np
import torch
from sklearn.linear_model import Ridge

import quickstudy as qs
from quickstudy.ladder.rungs.one_hot import OneHot, OneHotRidge, OneHotRows
from quickstudy.ladder.rungs.rung import PENALTIES
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import passes, table


def scaled(made):
    whole = made.whole()
    return TableForm.of(whole, made.labels).tasks(whole)


def columns(tasks):
    return np.column_stack([tasks.x, np.eye(len(tasks.names))[tasks.task]]).astype(float)


def test_the_eliminated_columns_give_the_same_ridge():
    tasks = scaled(table(5, 7))
    rows = OneHotRows.of(tasks)
    found = OneHotRidge.fit(rows, 3.0)
    ridge = Ridge(alpha=3.0).fit(columns(tasks), tasks.y.double())
    predicted = ridge.predict(columns(tasks)).reshape(-1, 1)
    np.testing.assert_allclose(found(rows.x, tasks.task), predicted, atol=1e-6)
    least = ((tasks.y.double().numpy() - predicted) ** 2).sum() + 3 * (ridge.coef_**2).sum()
    np.testing.assert_allclose(found.squares, least, rtol=1e-6)


def test_known_tasks_are_predicted_by_the_ridge_and_new_ones_by_its_intercept():
    tasks, rung = scaled(table(6, 20)), OneHot()
    rung.fit(tasks, 0)
    batch = tasks.batch()
    found = rung.predict(qs.Episode(batch, batch, tasks.identity), True).numpy()
    ridges = [
        Ridge(alpha=penalty).fit(columns(tasks), tasks.y).predict(columns(tasks))
        for penalty in PENALTIES
    ]
    apart = [np.abs(found.reshape(-1) - ridge.reshape(-1)).max() for ridge in ridges]
    assert min(apart) < 1e-3
    penalty = float(PENALTIES[int(np.argmin(apart))])
    ridge = Ridge(alpha=penalty).fit(columns(tasks), tasks.y)
    slope = float(np.ravel(ridge.coef_)[0])
    intercept = float(np.ravel(ridge.intercept_)[0])
    support = qs.Batch.of(torch.tensor([[0.5], [1.0]]), torch.tensor([[4.0], [5.0]]))
    query = qs.Batch.of(torch.tensor([[2.0]]), torch.tensor([[0.0]]))
    episode = qs.Episode(support, query, torch.zeros(1, dtype=torch.long))
    own = (9.0 - 1.5 * slope - 2 * intercept) / (2 + penalty)
    expected = intercept + own + 2 * slope
    assert abs(float(rung.predict(episode, False)) - expected) < 1e-3
    low, high = rung.interval(episode, 0.9)
    assert float(low) < expected < float(high)


def test_classes_are_refused():
    assert "for numbers" in OneHot().refuses(passes(4, 6).whole())
    assert not OneHot().refuses(table(4, 6).whole())
