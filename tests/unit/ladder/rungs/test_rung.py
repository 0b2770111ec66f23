"""What rungs share: parts of tasks at a time, one task of all rows, and small networks."""

import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.rungs import Pooled, as_one_task, in_parts, rung
from quickstudy.ladder.rungs.rung import network_for
from tests.unit.ladder.small import frame, mixed, passes, table


def test_parts_of_the_tasks_are_predicted_as_all_at_once(monkeypatch):
    tasks = table(5, 6).whole()
    episode = qs.Episode(tasks.batch(), tasks.batch(), tasks.identity)
    learner = qs.ANIL(network_for(tasks, 0), inner_lr=0.01, inner_steps=2).to(tasks.x.dtype)
    whole = in_parts(learner, episode, learner.predict)
    sizes = []

    def ask(adapted, x):
        sizes.append(len(x))
        return learner.predict(adapted, x)

    # 12 rows of a task: two tasks at a time
    monkeypatch.setattr(rung, "ROWS_AT_ONCE", 24)
    torch.testing.assert_close(in_parts(learner, episode, ask), whole)
    assert sizes == [2, 2, 1]
    assert not torch.allclose(in_parts(learner, episode, learner.predict, 0), whole)


def test_all_rows_are_of_one_task():
    tasks = table(5, 6).whole()
    one = as_one_task(tasks)
    assert one.batch().x.shape == (1, 30, 1) and one.names == ("all",)
    assert torch.equal(one.x, tasks.x) and torch.equal(one.y, tasks.y)


@pytest.mark.parametrize(
    ("make", "outputs"), [(table, 1), (passes, 2), (lambda *size: mixed(frame(*size)), 3)]
)
def test_a_network_has_the_outputs_of_the_target(make, outputs):
    tasks = make(4, 10).whole()
    assert network_for(tasks, 0)(tasks.x.float()).shape == (40, outputs)


def test_a_rung_without_intervals_says_so():
    tasks = table(2, 4).whole()
    episode = qs.Episode(tasks.batch(), tasks.batch(), tasks.identity)
    with pytest.raises(qs.UserError, match="Found the way 'pooled, ridge'"):
        Pooled().interval(episode, 0.9)
