"""Rows are answered in the order they were asked, task by task."""

import numpy as np
import torch

import quickstudy as qs
from quickstudy.estimators import approach
from quickstudy.estimators.approach import Approach
from quickstudy.ladder.rungs import LearnedPrior, Rung
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import table


class Told(Rung):
    """Says the first feature, and in a second output the identity of a known task."""

    name = "told"

    def predict(self, episode, known):
        x = episode.query.x[..., :1]
        task = episode.task if known else -torch.ones_like(episode.task)
        return torch.cat([x, task.to(x.dtype)[:, None, None].expand_as(x)], -1)


def fitted(rung: Rung) -> tuple[Approach, object]:
    whole = table(5, 4).whole()
    form = TableForm.of(whole, {"y": ()})
    tasks = form.tasks(whole)
    rung.fit(tasks, 0)
    return Approach(rung, form), tasks


def test_answers_are_in_the_order_of_the_rows_however_many_tasks_at_once(monkeypatch):
    made, tasks = fitted(Told())
    place = np.array([4, 0, -1, 4, 2, 0, -1, 3])
    x = torch.arange(8.0, dtype=tasks.x.dtype)[:, None]
    for at_once in (256, 2, 1):
        monkeypatch.setattr(approach, "TASKS_AT_ONCE", at_once)
        found = made.of_known(tasks, x, place)
        assert found.tolist() == [[row, task] for row, task in zip(range(8), place, strict=True)]


def test_an_unknown_task_is_a_new_one_without_rows():
    made, tasks = fitted(LearnedPrior())
    x = tasks.x[:3]
    mean = made.rung.learner.mean[0].detach().to(x.dtype)
    phi = made.rung.learner.model(x)
    phi = torch.cat([phi, torch.ones(3, 1)], 1) if phi.shape[1] < len(mean) else phi
    found = made.of_known(tasks, x, np.full(3, -1))
    np.testing.assert_allclose(found[:, 0], phi @ mean, rtol=1e-4, atol=1e-5)


def test_one_large_task_among_small_ones_is_asked_by_itself(monkeypatch):
    """Groups of similar size give what one padded batch gives."""
    draw = np.random.default_rng(0)
    shop = np.repeat(np.arange(5), [4, 6, 5, 90, 3])
    price = draw.normal(size=(len(shop), 1))
    sold = 3.0 * shop - price[:, 0] + draw.normal(0, 0.1, len(shop))
    model = qs.MultiTaskRegressor(method="learned_prior").fit(price, sold, task=shop)
    expected = model.predict(price, task=shop)
    whole = type(model.rows_).groups
    monkeypatch.setattr(type(model.rows_), "groups", lambda self, tasks: whole(self, tasks, 30))
    np.testing.assert_allclose(model.predict(price, task=shop), expected, rtol=1e-9)
