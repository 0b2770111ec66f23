"""What rows become for a model: scaled and back, classes by name, and what is kept of it with a run."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.tasks.table_form import TableForm


def table(target: list, kind: str = "regression") -> qs.tasks.Table:
    return qs.tasks.Table(pd.DataFrame({"shop": [1, 1, 2, 2], "x": [1.0, 2, 3, 4], "y": target}), "shop", "y", kind)


def form(target: list, kind: str = "regression") -> TableForm:
    made = table(target, kind)
    return TableForm.of(made.whole(), made.targets, made.classes)


def test_targets_are_scaled_and_back():
    made, rows = form([1.0, 3.0, 5.0, 7.0]), table([1.0, 3.0, 5.0, 7.0]).whole()
    scaled = made.tasks(rows).y
    assert float(scaled.mean()) == pytest.approx(0) and float(scaled.std(correction=0)) == pytest.approx(1)
    torch.testing.assert_close(made.unscaled(scaled), rows.y)


def test_a_target_that_is_always_the_same_keeps_its_scale():
    assert form([4.0] * 4).scale == (1.0,)


@pytest.mark.parametrize("target", [["a", "b", "a", "c"], [True, False, True, True], [3, 1, 3, 2], [1.0, 2.0, 2.0, np.nan]])
def test_classes_are_found_again_by_name(target):
    made = form(target, "classification")
    kept = TableForm.from_dict(json.loads(json.dumps(made.to_dict())))
    assert kept == made
    frame = pd.DataFrame({"x": [1.0] * 4, "y": target})
    labelled = made.labelled(frame)
    assert labelled.sum() == pd.Series(target).notna().sum()
    names = [made.classes[index] for index in made.outputs(frame[labelled]).tolist()]
    assert names == [str(int(value)) if isinstance(value, float) else str(value) for value in pd.Series(target).dropna()]


def test_whole_numbers_with_an_empty_cell_are_the_same_classes():
    """pandas reads them as floating point."""
    made = form([3, 1, 3, 2], "classification")
    frame = pd.DataFrame({"x": [0.0, 0.0], "y": [3, np.nan]})
    assert made.outputs(frame[made.labelled(frame)]).tolist() == [made.classes.index("3")]


def test_a_class_that_was_not_learned():
    with pytest.raises(qs.UserError, match=r"should hold the classes that were learned: a, b, c. Found \['d'\]"):
        form(["a", "b", "a", "c"], "classification").outputs(pd.DataFrame({"y": ["a", "d"]}))
