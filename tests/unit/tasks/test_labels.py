"""Labels of any kind become classes, numbers in their order."""

import math

import pandas as pd
import pytest
import torch

from quickstudy.errors import UserError
from quickstudy.tasks.labels import (
    by_split,
    class_labels,
    classes_of,
    counts_of,
    division_in_words,
    is_missing,
    texts_of,
)


def test_examples_are_sorted_by_class_and_keep_their_order_within_it():
    pool = classes_of(torch.tensor([10, 11, 12, 13, 14]), ["b", "10", "9", "b", "-1"])
    assert pool.names == ("-1", "9", "10", "b") and pool.size.tolist() == [1, 1, 1, 2]
    assert pool.x.tolist() == [14, 12, 11, 10, 13] and pool.start.tolist() == [0, 1, 2, 3]


def test_places_of_every_split():
    parts = by_split(["test", "train", "test"])
    assert {name: part.tolist() for name, part in parts.items()} == {
        "train": [1],
        "validation": [],
        "test": [0, 2],
    }
    assert counts_of(parts) == {"train": 1, "validation": 0, "test": 2}
    expected = "3 tasks: 1 to train, 0 to validate, 2 to test."
    assert division_in_words("tasks", counts_of(parts)) == expected


def test_whole_numbers_are_written_without_decimals():
    assert class_labels([1.0, 2, "c"]) == ["1", "2", "c"]
    assert texts_of(torch.tensor([1, 2])) == ["1", "2"] and texts_of(("a", 3)) == ["a", "3"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [([1.0, math.nan, None], "Found 2 without"), ([1.5, 2.0], r"integers or strings. Found \[1.5")],
)
def test_labels_that_are_no_classes(labels, message):
    with pytest.raises(UserError, match=message):
        class_labels(labels)


@pytest.mark.parametrize(
    ("entry", "missing"),
    [(None, True), (math.nan, True), (pd.NA, True), (pd.NaT, True), (0, False), ("", False)],
)
def test_missing_entries(entry, missing):
    assert is_missing(entry) == missing
