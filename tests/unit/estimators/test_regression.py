"""Regression on crossed groups is that of the mixed model, behind the face of many tasks."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import quickstudy as qs
from quickstudy.estimators.regression import GroupRegression, listed_columns

ROWS = 300
GROUPS = ["student", "course"]


@pytest.fixture(scope="module")
def table():
    """Marks of students in courses, that fall with age."""
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "student": draw.integers(0, 30, ROWS),
            "course": draw.choice(list("abcdefgh"), ROWS),
            "age": draw.uniform(18, 30, ROWS),
        }
    )
    course = dict(zip("abcdefgh", draw.normal(0, 1, 8), strict=True))
    mark = 10 + draw.normal(0, 2, 30)[rows["student"]] + rows["course"].map(course) - rows["age"]
    return rows, (mark + draw.normal(0, 0.5, ROWS)).to_numpy()


@pytest.fixture(scope="module")
def model(table):
    return qs.MultiTaskRegressor().fit(*table, task=GROUPS)


def test_it_is_the_crossed_regressor_of_the_columns(table, model):
    rows, y = table
    same = qs.CrossedRegressor(GROUPS).fit(rows, y)
    assert model.method_ == "crossed" and isinstance(model.fitted_, GroupRegression)
    np.testing.assert_array_equal(model.predict(rows), same.predict(rows))
    np.testing.assert_array_equal(model.predict(rows, task=GROUPS), same.predict(rows))
    for found, expected in zip(
        model.predict_interval(rows, level=0.5), same.predict_interval(rows, 0.5), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert model.score(rows, y) == same.score(rows, y) > 0.9
    assert model.tasks_["course"].tolist() == list("abcdefgh")
    new = rows[:5].assign(student=99)
    np.testing.assert_array_equal(
        model.adapt(new, y[:5]).predict(new), same.adapt(new, y[:5]).predict(new)
    )


def test_two_groups_explain_more_than_one(table):
    rows, y = table
    seen = np.arange(ROWS) % 2 == 0
    both = qs.MultiTaskRegressor().fit(rows[seen], y[seen], task=GROUPS)
    error = np.square(both.predict(rows[~seen]) - y[~seen]).mean()
    for task, other in (GROUPS, GROUPS[::-1]):
        one = qs.MultiTaskRegressor("random_intercept")
        one.fit(rows[seen].drop(columns=other), y[seen], task=task)
        assert (
            error < 0.5 * np.square(one.predict(rows[~seen].drop(columns=other)) - y[~seen]).mean()
        )


def test_a_group_within_another(table):
    rows, y = table
    nested = ["course", "course/student"]
    found = qs.MultiTaskRegressor().fit(rows, y, task=nested)
    expected = qs.CrossedRegressor(nested).fit(rows, y)
    np.testing.assert_array_equal(found.predict(rows), expected.predict(rows))
    assert found.feature_names_in_.tolist() == ["age"]


def test_rows_without_a_label_are_left_out(table, model):
    rows, y = table
    missing = np.where(np.arange(ROWS) == 7, np.nan, y)
    without = np.arange(ROWS) != 7
    found = qs.MultiTaskRegressor().fit(rows, missing, task=GROUPS)
    expected = qs.MultiTaskRegressor().fit(rows[without], y[without], task=GROUPS)
    np.testing.assert_array_equal(found.predict(rows), expected.predict(rows))
    np.testing.assert_array_equal(
        model.adapt(rows[:9], missing[:9]).predict(rows),
        model.adapt(rows[:9][without[:9]], y[:9][without[:9]]).predict(rows),
    )


def test_it_is_an_estimator_of_scikit_learn(table, model):
    rows, y = table
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    found = cross_val_score(clone(model), rows, y, cv=3, params={"task": GROUPS})
    assert found.min() > 0.8


def test_a_list_names_columns_or_says_the_task_of_every_row(table):
    rows, _ = table
    assert listed_columns(rows, GROUPS) == listed_columns(rows[:2], GROUPS) == ("student", "course")
    assert listed_columns(rows, ["course", "course/student"]) == ("course", "course/student")
    assert listed_columns(rows[:2], ["red", "blue"]) == ()
    for task in (None, "student", ["student"], [1, 2], np.array(GROUPS), rows["course"]):
        assert listed_columns(rows, task) == ()
    assert listed_columns(rows.to_numpy(), GROUPS) == ()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda m, x, y: m.fit(x, y, task=["student", "room"]), r"list columns of X.* \['room'\]"),
        (
            lambda m, x, y: clone(m).set_params(method="pooled").fit(x, y, task=GROUPS),
            "should be 'auto' if `task` lists columns.*Found 'pooled'",
        ),
        (lambda m, x, y: m.predict(x, task="student"), "left out, or be the columns"),
        (lambda m, x, y: m.predict(x.to_numpy()), "a DataFrame"),
        (lambda m, x, y: m.predict(x.drop(columns="course")), r"a column \['course'\]"),
        (lambda m, x, y: m.predict(x.rename(columns={"age": "years"})), "feature names"),
        (lambda m, x, y: m.predict_interval(x, level=90), "level=90"),
        (lambda m, x, y: m.fit(x, np.c_[y, y], task=GROUPS), "1d array"),
        (lambda m, x, y: m.adapt(x.to_numpy(), y), "a DataFrame"),
    ],
)
def test_mistakes_are_one_line(table, act, message):
    model = qs.MultiTaskRegressor().fit(*table, task=GROUPS)
    with pytest.raises(ValueError, match=message):
        act(model, *table)


def test_there_may_be_no_other_columns(table):
    rows, y = table
    found = qs.MultiTaskRegressor().fit(rows[GROUPS], y, task=GROUPS)
    expected = qs.CrossedRegressor(GROUPS).fit(rows[GROUPS], y)
    np.testing.assert_array_equal(found.predict(rows[GROUPS]), expected.predict(rows[GROUPS]))
    assert found.n_features_in_ == 0


def test_a_list_that_names_columns_serves_columns_called_by_numbers():
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(draw.normal(size=(60, 2)), columns=["a", 1])
    rows = rows.assign(student=draw.integers(0, 6, 60), course=draw.integers(0, 5, 60))
    y = 2 * rows["a"] - rows[1]
    model = qs.MultiTaskRegressor().fit(rows, y, task=GROUPS)
    np.testing.assert_allclose(model.predict(rows), y, atol=0.05)
