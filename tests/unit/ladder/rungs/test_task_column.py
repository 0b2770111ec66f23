"""A task is encoded by its targets, a training row without its own."""

import numpy as np

from quickstudy.ladder.rungs.task_column import TaskMeans

TASK = np.repeat([0, 1, 2], [2, 3, 4])
Y = np.arange(9.0)[:, None]


def test_a_task_is_its_mean_drawn_to_that_of_all():
    means = TaskMeans(np.array([10.0]), np.array([2.0]))
    found = means.of(Y, TASK, np.array([0, 2, 3]))
    expected = [[(0 + 1 + 20) / 4, 2], [(5 + 6 + 7 + 8 + 20) / 6, 4], [10, 0]]
    np.testing.assert_allclose(found, expected)


def test_it_is_drawn_more_if_tasks_differ_less():
    draw = np.random.default_rng(0)
    task = np.repeat(np.arange(40), 10)
    own, noise = draw.normal(size=40)[task], draw.normal(0, 2, 400)
    found = TaskMeans.fit((own + noise)[:, None], task)
    # the variance within, 4, by that between, 1
    assert 2 < found.rows[0] < 8
    alike = TaskMeans.fit(noise[:, None], task)
    assert alike.rows[0] > 20


def test_no_training_row_sees_its_target():
    means = TaskMeans.fit(Y, TASK)
    before = means.of_others(Y, TASK, 0)
    for row in range(9):
        changed = Y.copy()
        changed[row] += 100
        after = means.of_others(changed, TASK, 0)
        assert (after[row] == before[row]).all() and (after[:, 1] == before[:, 1]).all()
    assert (means.of_others(Y + 1, TASK, 0) != before).any()
