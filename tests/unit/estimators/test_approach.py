"""Rows are answered in the order they were asked, task by task."""

import numpy as np
import torch

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
