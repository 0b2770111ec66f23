"""What rows become for a model: scaled and back, classes by name, and what is kept of it with a
run."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

import quickstudy as qs
from quickstudy.tasks.table_form import TableForm


def table(target: list, kind: str = "regression") -> qs.tasks.Table:
    return qs.tasks.Table(
        pd.DataFrame({"shop": [1, 1, 2, 2], "x": [1.0, 2, 3, 4], "y": target}), "shop", "y", kind
    )


def form(target: list, kind: str = "regression") -> TableForm:
    made = table(target, kind)
    return TableForm.of(made.whole(), made.labels)


def test_targets_are_scaled_and_back():
    made, rows = form([1.0, 3.0, 5.0, 7.0]), table([1.0, 3.0, 5.0, 7.0]).whole()
    scaled = made.tasks(rows).y
    assert float(scaled.mean()) == pytest.approx(0) and float(
        scaled.std(correction=0)
    ) == pytest.approx(1)
    torch.testing.assert_close(made.unscaled(scaled), rows.y)


def test_a_target_that_is_always_the_same_keeps_its_scale():
    assert form([4.0] * 4).scale == (1.0,)


@pytest.mark.parametrize(
    "target",
    [["a", "b", "a", "c"], [True, False, True, True], [3, 1, 3, 2], [1.0, 2.0, 2.0, np.nan]],
)
def test_classes_are_found_again_by_name(target):
    made = form(target, "classification")
    kept = TableForm.from_dict(json.loads(json.dumps(made.to_dict())))
    assert kept == made
    frame = pd.DataFrame({"x": [1.0] * 4, "y": target})
    labelled = made.labelled(frame)
    assert labelled.sum() == pd.Series(target).notna().sum()
    names = [made.classes[index] for index in made.outputs(frame[labelled]).tolist()]
    assert names == [
        str(int(value)) if isinstance(value, float) else str(value)
        for value in pd.Series(target).dropna()
    ]


def test_whole_numbers_with_an_empty_cell_are_the_same_classes():
    """pandas reads them as floating point."""
    made = form([3, 1, 3, 2], "classification")
    frame = pd.DataFrame({"x": [0.0, 0.0], "y": [3, np.nan]})
    assert made.outputs(frame[made.labelled(frame)]).tolist() == [made.classes.index("3")]


def test_a_class_that_was_not_learned():
    with pytest.raises(
        qs.UserError, match=r"should hold the classes that were learned: a, b, c. Found \['d'\]"
    ):
        form(["a", "b", "a", "c"], "classification").outputs(pd.DataFrame({"y": ["a", "d"]}))


def several() -> tuple[qs.tasks.Table, TableForm]:
    """A number, and a class that a row lacks."""
    rows = pd.DataFrame(
        {
            "shop": [1, 1, 2, 2],
            "x": [1.0, 2, 3, 4],
            "sold": [2.0, 4.0, 6.0, 8.0],
            "late": ["no", "yes", None, "no"],
        }
    )
    made = qs.tasks.Table(
        rows, "shop", ["late", "sold"], {"sold": "regression", "late": "classification"}
    )
    return made, TableForm.of(made.whole(), made.labels)


def test_targets_of_several_kinds_are_kept_scaled_and_back():
    made, form = several()
    assert (
        form == TableForm.from_dict(json.loads(json.dumps(form.to_dict())))
        and form.target == made.target
    )
    torch.testing.assert_close(form.outputs(made.frame), form.tasks(made.whole()).y, equal_nan=True)
    scores = torch.tensor([[0.3, 0.7, 0.0], [0.1, 0.9, 1.0]])  # two classes, then the number
    back = form.unscaled(scores)
    assert torch.equal(back[:, :2], scores[:, :2]) and back[:, 2].tolist() == pytest.approx(
        [5.0, 5.0 + np.std([2, 4, 6, 8])]
    )


def test_rows_with_any_label_are_taken():
    made, form = several()
    frame = made.frame.assign(sold=[None, 4.0, 6.0, None], late=[None, "yes", None, "no"])
    assert form.labelled(frame).tolist() == [False, True, True, True]
    assert form.outputs(frame.iloc[1:])[:, 0].nan_to_num(-1).tolist() == [1, -1, 0]
    with pytest.raises(
        qs.UserError,
        match=r"Column 'late' should hold the classes that were learned: no, yes. Found \['soon'\]",
    ):
        form.outputs(frame.assign(late="soon"))
