"""The names of a table's columns."""

import pandas as pd
import pytest

from quickstudy.errors import UserError
from quickstudy.tasks.tables.column_names import check_distinct, check_names, repeated


def test_names_that_occur_more_than_once_are_given_sorted() -> None:
    assert repeated(("b", "a", "b", "c", "a")) == ["a", "b"]
    assert repeated(["a", "b"]) == []


def test_two_columns_of_one_name_are_refused() -> None:
    check_distinct(["a", "b"], "shops.csv")
    with pytest.raises(UserError, match=r"columns of shops.csv .* Found \['a'\] twice"):
        check_distinct(["a", "a"], "shops.csv")


def test_columns_are_called_by_text() -> None:
    assert list(check_names(pd.DataFrame({1: [0], "b": [0]})).columns) == ["1", "b"]


def test_a_frame_of_names_in_text_stays_as_it_is() -> None:
    frame = pd.DataFrame({"a": [0]})
    assert check_names(frame) is frame


def test_a_number_and_its_text_are_one_name() -> None:
    with pytest.raises(UserError, match="the table should have names of their own"):
        check_names(pd.DataFrame([[0, 1]], columns=[1, "1"]))
