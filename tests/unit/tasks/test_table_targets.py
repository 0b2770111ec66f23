"""The columns of a table that are predicted."""

import numpy as np
import pandas as pd
import pytest

from quickstudy.errors import UserError
from quickstudy.targets import Classes, Numbers, Several
from quickstudy.tasks.table_targets import check_answers, check_kind, kind_of_each, targets_of

ROWS = pd.DataFrame({"y": [1.5, np.nan], "c": pd.Categorical(["b", "a"])})


def test_numbers_are_a_column_each() -> None:
    target, labels, values = targets_of(ROWS, ("y",), "regression")
    assert target == Numbers((1,))
    assert labels == {"y": ()}
    np.testing.assert_array_equal(values, [[1.5], [np.nan]])


def test_classes_are_indices_in_the_order_of_their_names() -> None:
    target, labels, values = targets_of(ROWS, ("c",), "classification")
    assert target == Classes(2)
    assert labels == {"c": ("a", "b")}
    assert values.dtype == np.int64
    assert values.tolist() == [1, 0]


def test_targets_of_several_kinds_stand_side_by_side() -> None:
    kinds = {"y": "regression", "c": "classification"}
    target, labels, values = targets_of(ROWS, ("y", "c"), kinds)  # type: ignore[arg-type]
    assert target == Several((0, 2))
    assert labels == {"y": (), "c": ("a", "b")}
    np.testing.assert_array_equal(values, [[1.5, 1.0], [np.nan, 0.0]])


def test_one_kind_goes_for_all_targets() -> None:
    assert kind_of_each(("y", "z"), "regression") == {"y": "regression", "z": "regression"}


def test_kinds_are_said_of_every_target() -> None:
    with pytest.raises(UserError, match=r"every target. Found \['y'\] for \['y', 'z'\]"):
        kind_of_each(("y", "z"), {"y": "regression"})


def test_other_kinds_are_refused() -> None:
    with pytest.raises(UserError, match="Found 'ranking'"):
        check_kind("ranking")


@pytest.mark.parametrize("targets", [(), ("task",), ("y", "y")])
def test_targets_are_other_columns_than_the_task(targets: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="Parameter `target`"):
        check_answers("task", targets)
