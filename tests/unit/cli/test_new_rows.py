"""A new task in rows of the table that a run learned from."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from quickstudy.cli.adapting import AdaptOptions
from quickstudy.cli.new_rows import rows_of_new_classes, rows_of_new_task
from quickstudy.tasks import Rows, Table
from quickstudy.tasks.table_form import TableForm


@pytest.fixture
def form():
    """The form of a table of shops: prices of mean 2 and deviation 1, sales of mean 20."""
    frame = pd.DataFrame(
        {"shop": list("aabb"), "price": [1.0, 3.0, 1.0, 3.0], "sold": [10.0, 30.0, 10.0, 30.0]}
    )
    table = Table(frame, "shop", "sold")
    return TableForm.of(table.whole(), table.labels)


def asked(tmp_path, frame):
    frame.to_csv(tmp_path / "new.csv", index=False)
    return AdaptOptions(Path("run"), tmp_path / "new.csv")


def test_rows_without_a_target_are_left_out(tmp_path, form):
    rows = pd.DataFrame({"price": [2.0, 3.0, 5.0], "sold": [20.0, None, 30.0]})
    new = rows_of_new_task(asked(tmp_path, rows), form)
    assert new.notes == ["2 examples.", "1 rows without a target were left out."]
    assert (new.task.outputs, new.task.classifies) == (("sold",), False)
    spread = torch.tensor(form.scale)
    expected = torch.tensor([[0.0], [10.0]]) / spread
    torch.testing.assert_close(new.support.y[0].float(), expected)


def test_a_task_without_targets_is_what_all_have_in_common(tmp_path, form):
    rows = pd.DataFrame({"price": [2.0], "sold": [None]})
    new = rows_of_new_task(asked(tmp_path, rows), form)
    assert new.support.mask.sum() == 0
    assert new.notes == ["No row has sold: the task is what all tasks have in common."]


def test_rows_of_new_classes(tmp_path):
    old = pd.DataFrame({"width": range(40), "kind": [f"k{i % 10}" for i in range(40)]})
    old.to_csv(tmp_path / "old.csv", index=False)
    learned = Rows(tmp_path / "old.csv", label="kind")
    rows = pd.DataFrame({"width": [1.0, 9.0, 2.0, 4.0], "kind": ["new", "old", "new", None]})
    new = rows_of_new_classes(asked(tmp_path, rows), learned)
    assert new.task.outputs == ("new", "old") and new.support.y.tolist() == [[0, 1, 0]]
    assert new.notes == ["2 classes: new (2 examples), old (1 example)."]
