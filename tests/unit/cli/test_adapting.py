"""The words on a new task, and mistakes in its options."""

from pathlib import Path

import pytest

from quickstudy.cli.adapting import (
    AdaptOptions,
    check_classes,
    check_undescribed,
    counted,
    indices_of,
    names_in,
    some_of,
)
from quickstudy.errors import UserError

FILES = (Path("run"), Path("new.csv"))


def test_classes_are_counted_in_their_order():
    labels = ["dog", "cat", "dog"]
    assert names_in(labels) == ("dog", "cat") and indices_of(labels, ("dog", "cat")) == [0, 1, 0]
    assert counted(labels, "image") == "2 classes: dog (2 images), cat (1 image)."


def test_at_most_ten_names_are_listed():
    names = list("abcdefghijkl")
    assert some_of(names) == "a, b, c, d, e, f, g, h, i, j and 2 more"
    assert some_of(names[:10]) == "a, b, c, d, e, f, g, h, i, j"


def test_a_task_has_two_classes():
    check_classes(("a", "b"), Path("new"))
    with pytest.raises(UserError, match="Found one in new: 'a'"):
        check_classes(("a",), Path("new"))


@pytest.mark.parametrize("options", [{"ink": "dark"}, {"label": "kind"}, {"target": ("y",)}])
def test_a_run_that_knows_its_table_needs_no_description(options):
    check_undescribed(AdaptOptions(*FILES), "its table")
    with pytest.raises(UserError, match="are not needed: this run knows its table"):
        check_undescribed(AdaptOptions(*FILES, **options), "its table")
