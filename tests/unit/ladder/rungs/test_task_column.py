"""A task is encoded by its targets, a training row without its own."""

import numpy as np

from quickstudy.ladder.rungs.task_column import LearnedRows, TaskFeatures, TaskMeans, with_code

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


def test_a_category_is_a_column_and_a_mean_is_two():
    x = np.zeros((9, 1))
    rows = LearnedRows(x, Y[:, 0], TASK, 0)
    coded = TaskFeatures.of(rows, True, 0)
    assert coded.category == 1 and coded.x[:, 1].tolist() == TASK.tolist()
    assert np.isnan(with_code(x[:1], np.array([-1]))[0, 1])
    by_mean = TaskFeatures.of(rows, False, 0)
    assert by_mean.category is None and by_mean.x.shape == (9, 3)
    # further rows are encoded by all rows of their task
    means = by_mean.means.of(Y, TASK, np.array([2]))
    np.testing.assert_allclose(by_mean.asked(x[:1], np.array([2]))[:, 1:], means)
    support = LearnedRows(x[:2], np.array([5.0, 5.0]), np.array([0, 0]), 0)
    of_new = by_mean.of_others(support, x[:1], np.array([0]))
    means = by_mean.means.of(np.full((2, 1), 5.0), np.array([0, 0]), np.array([0]))
    np.testing.assert_allclose(of_new[:, 1:], means)


def test_classes_are_columns_of_zeros_and_ones():
    rows = LearnedRows(np.zeros((2, 1)), np.array([2, 0]), np.array([0, 0]), 3)
    assert rows.targets.tolist() == [[0, 0, 1], [1, 0, 0]]
    both = rows.also(np.ones((1, 1)), np.array([1]), np.array([4]))
    assert both.task.tolist() == [0, 0, 4] and both.only(both.task > 0).y.tolist() == [1]
