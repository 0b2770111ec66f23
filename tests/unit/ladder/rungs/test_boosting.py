"""Boosting sees the task of a row, known or new, as a category or by its mean."""

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.ladder import ladder_rows, ladder_tasks
from quickstudy.ladder.rungs import HistBoosting, Pooled
from tests.unit.ladder.small import passes, table


def by_means():
    rung = HistBoosting()
    rung.most_codes = 1
    return rung


@pytest.mark.parametrize("make", [HistBoosting, by_means])
@pytest.mark.parametrize("tasks", [table, passes])
def test_what_differs_between_tasks_is_seen(make, tasks):
    known = ladder_rows(tasks(12, 40), 1, ways=[Pooled(), make()])
    assert known[1].error < 0.8 * known[0].error
    new = ladder_tasks(tasks(16, 40), (10,), 4, 1, 2, ways=[Pooled(), make()])
    assert new[1].error < 0.8 * new[0].error


def test_a_new_task_without_rows_is_predicted_as_one_of_all():
    train, _ = table(8, 30).split_tasks(2)
    for rung in (HistBoosting(), by_means()):
        rung.fit(train, 0)
        x = torch.linspace(-1, 1, 5).reshape(1, 5, 1)
        query = qs.Batch(x, torch.zeros(1, 5, 1), torch.ones(1, 5))
        nothing = qs.Batch(x[:, :1], torch.zeros(1, 1, 1), torch.zeros(1, 1))
        found = rung.predict(qs.Episode(nothing, query, torch.zeros(1, dtype=torch.long)), False)
        assert found.shape == (1, 5, 1) and (found - train.y.mean()).abs().max() < 40


def test_leaves_and_trees_are_chosen_on_rows_left_out():
    """Noise asks for the fewest trees, a clear law for many."""
    frame = table(8, 60).frame
    noise = frame.assign(y=np.random.default_rng(0).normal(size=len(frame)))
    trees = []
    for rows in (frame, noise):
        rung = HistBoosting()
        rung.fit(qs.tasks.Table(rows, "shop", "y").whole(), 0)
        trees.append(rung.each[0].choice.trees)
    assert trees[1] < 30 < trees[0]


def test_tasks_beyond_the_categories_are_encoded_by_their_means():
    tasks = table(40, 10).whole()
    rung = by_means()
    rung.fit(tasks, 0)
    assert not rung.each[0].choice.coded
    batch = tasks.batch()
    found = rung.predict(qs.Episode(batch, batch, tasks.identity), True)
    error = (found - batch.y).square().mean().sqrt()
    assert error < 0.5 * batch.y.std()


def test_a_few_rows_a_task_are_seen_by_their_mean():
    """scikit-learn ignores categories of fewer than ten rows."""
    rung = HistBoosting()
    rung.fit(table(40, 8).whole(), 0)
    assert not rung.each[0].choice.coded


def test_new_tasks_beyond_the_categories_are_seen_by_their_mean():
    train, unseen = table(12, 60).split_tasks(4)
    episode = unseen.draw(10, None, qs.generator(0, "rows"))
    rung = HistBoosting()
    rung.most_codes = 10
    rung.fit(train, 0)
    own = rung.each[0]
    object.__setattr__(own.choice, "coded", True)
    rung.predict(episode, False)
    assert own._by_mean is not None


def test_classes_that_a_few_rows_lack_have_a_probability():
    train = passes(6, 20).whole()
    rung = HistBoosting()
    rung.fit(train, 0)
    batch = train.batch()
    found = rung.predict(qs.Episode(batch, batch, train.identity), True)
    torch.testing.assert_close(found.sum(-1), torch.ones(6, 20))
    assert found.min() > 0
