"""Levels are found by name, whatever type carries them, and new ones stand behind the known."""

import numpy as np
import pandas as pd
import pytest

import quickstudy as qs
from quickstudy.estimators.levels import Levels, check_frame, columns_of, columns_of_all

FRAME = pd.DataFrame({"school": [2, 1, 2], "class": ["a", "a", "b"], "age": [7, 8, 9]})


def test_levels_are_sorted_and_new_ones_stand_behind():
    levels = Levels.of(FRAME, "school")
    assert levels.names.tolist() == ["1", "2"] and levels(FRAME).tolist() == [1, 0, 1]
    new = FRAME.assign(school=[0.0, 1.0, np.nan])
    assert levels(new).tolist() == [-1, 0, -1]
    assert levels.extended(new[:2]).names.tolist() == ["1", "2", "0"]
    with pytest.raises(qs.UserError, match="Found 1 empty cells"):
        Levels.of(new, "school")


def test_a_nested_level_is_the_pair():
    levels = Levels.of(FRAME, "school/class")
    assert levels.names.tolist() == ["1/a", "2/a", "2/b"] and levels(FRAME).tolist() == [1, 0, 2]


def test_columns_of_groups():
    assert columns_of(FRAME.columns, "school/class") == ["school", "class"]
    assert columns_of(["school/class"], "school/class") == ["school/class"]
    assert columns_of_all(FRAME.columns, ["school", "school/class"]) == {"school", "class"}


def test_arrays_have_no_columns():
    check_frame(FRAME)
    with pytest.raises(qs.UserError, match="a DataFrame with the columns of the groups"):
        check_frame(FRAME.to_numpy())
