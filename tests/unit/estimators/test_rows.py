"""Rows, tasks and seeds are checked as scikit-learn checks them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

import quickstudy as qs
from quickstudy.estimators.rows import (
    checked,
    coded,
    holds,
    labelled,
    labels_of,
    places_of,
    refuse_several,
    seed_of,
    without_task,
)


def test_columns_have_names_and_their_number_is_kept():
    estimator = BaseEstimator()
    frame, y = checked(estimator, np.ones((3, 2)), [1, 2, 3], fitting=True)
    assert list(frame.columns) == ["x0", "x1"] and y.tolist() == [1, 2, 3]
    assert estimator.n_features_in_ == 2
    with pytest.raises(ValueError, match="expecting 2 features"):
        checked(estimator, np.ones((3, 3)))


def test_a_frame_keeps_categories_and_its_names():
    estimator, frame = BaseEstimator(), pd.DataFrame({"day": ["mon", None], "size": [1.0, np.nan]})
    found, _ = checked(estimator, frame, [0, 1], fitting=True)
    pd.testing.assert_frame_equal(found, frame)
    assert estimator.feature_names_in_.tolist() == ["day", "size"]
    with pytest.raises(ValueError, match="0 sample"):
        checked(estimator, frame[:0])


def test_the_task_is_a_column_or_an_array():
    frame = pd.DataFrame({"shop": ["a", "b"], "x": [1, 2]})
    rows, task = without_task(frame, "shop")
    assert list(rows.columns) == ["x"] and task.tolist() == ["a", "b"]
    assert without_task(frame, None)[0] is frame and without_task(frame, None)[1] is None
    assert holds(frame, "shop") and not holds(rows, "shop")
    assert not holds(frame, None) and not holds(frame.to_numpy(), "shop")
    with pytest.raises(qs.UserError, match="Found 'town'"):
        without_task(frame, "town")
    with pytest.raises(qs.UserError, match="Found 1 empty"):
        without_task(rows, ["a", None])


def test_classes_are_sorted():
    classes, codes = labels_of(["b", "a", "b"])
    assert classes.tolist() == ["a", "b"] and codes.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match="Unknown label type"):
        labels_of([0.5, 1.5])


def test_seeds():
    assert seed_of(None) == 0 and seed_of(np.int64(7)) == 7
    state = np.random.RandomState(3)
    assert seed_of(state) == np.random.RandomState(3).randint(2**31 - 1)
    with pytest.raises(qs.UserError, match="Found 'x'"):
        seed_of("x")


@pytest.mark.parametrize(
    "y",
    [
        [1.0, np.nan, 3.0],
        np.array(["a", None, "b"], dtype=object),
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series(["a", pd.NA, "b"]),
        pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, 3.0]}),
    ],
    ids=["float", "None", "NA", "text", "several"],
)
def test_rows_without_a_label_are_left_out(y):
    frame = pd.DataFrame({"x": [0, 1, 2]})
    rows, labels, task = labelled(frame, y, np.array([7, 8, 9]))
    assert rows["x"].tolist() == [0, 2] and len(labels) == 2 and task.tolist() == [7, 9]
    assert labelled(frame.to_numpy(), y)[0].tolist() == [[0], [2]]
    assert not pd.isna(labels).any()


def test_labels_that_are_all_there_stay_as_they_are():
    y = np.array([1, 2])
    assert labelled([[1], [2]], y)[1] is y
    with pytest.raises(qs.UserError, match=r"a label for some rows. Found none"):
        labelled([[1], [2]], [None, None])


def test_tasks_match_across_types():
    codes, tasks = coded(np.array([10, 2.0, "2", 10.0], dtype=object))
    assert codes.tolist() == [0, 1, 1, 0] and [str(task) for task in tasks] == ["10", "2.0"]
    assert places_of([1, 2], np.array(["2", "1.0", "x"])).tolist() == [1, 0, -1]
    with pytest.raises(qs.UserError, match=r"rows of one task to adapt to. Found 2 in column 's'"):
        refuse_several(["a", "b"], "s")


def test_columns_called_by_numbers_and_text():
    frame = pd.DataFrame([[1.0, 2.0]], columns=["a", 1])
    assert checked(BaseEstimator(), frame, [1], fitting=True)[0].columns.tolist() == ["a", "1"]
