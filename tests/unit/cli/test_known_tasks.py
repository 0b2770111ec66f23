"""A run of fit answers for the tasks that it learned, whatever way is kept for them."""

import json

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.cli.known_tasks import answered
from quickstudy.ladder.kept import Kept
from quickstudy.ladder.rungs import LearnedPrior, OneHotLogistic, rungs
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import checkpoint
from tests.unit.ladder.small import passes, table


def run_of(made, folder, name, new):
    """A run as fit writes it, with the way ``name`` for known tasks."""
    whole = made.whole()
    form = TableForm.of(whole, made.labels)
    rows = form.tasks(whole)
    rung = next(rung for rung in rungs(made.target) if rung.name == name)
    Kept.fit(rung, rows).write(folder)
    new.fit(rows, 0)
    checkpoint.write(folder / "last.safetensors", *checkpoint.pack(new.learner))
    source = {"source": "table", "task": "shop", "file": "t.csv"}
    details = {"source": source, "table": form.to_dict()}
    (folder / "run.json").write_text(json.dumps(details))
    return rung, form, rows


@pytest.mark.parametrize(
    "name", ["single task, ridge", "boosting that sees the task", "mixed model, random slopes"]
)
def test_rows_are_answered_in_their_order_by_the_way_that_is_kept(tmp_path, name):
    made = table(6, 20)
    rung, _, rows = run_of(made, tmp_path, name, LearnedPrior())
    frame = made.frame.sample(frac=1, random_state=0)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    found = answered(tmp_path, [tmp_path / "rows.csv"], 0.9, ())
    batch = rows.batch()
    whole = rung.predict(qs.Episode(batch, batch, rows.identity), True).reshape(-1)
    order = made.frame.index.get_indexer(frame.index)
    np.testing.assert_allclose(found.answers.scores[:, 0], whole[order], atol=1e-5)
    assert bool(found.answers.low.isfinite().all()) == ("mixed" in name)
    assert not found.notes


def test_classes_are_told_by_logarithms_of_probabilities(tmp_path):
    made = passes(6, 20)
    run_of(made, tmp_path, "majority", OneHotLogistic())
    frame = made.frame.iloc[[0, 50]].assign(shop=[0, 1234])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    found = answered(tmp_path, [tmp_path / "rows.csv"], 0.9, ())
    torch.testing.assert_close(found.answers.scores.exp().sum(1), torch.ones(2))
    assert found.notes and "(1234)" in found.notes[0]


def test_another_run_is_refused(tmp_path):
    made = table(6, 20)
    run_of(made, tmp_path, "pooled, ridge", LearnedPrior())
    (tmp_path / "run.json").write_text('{"source": {"source": "glyphs"}}')
    with pytest.raises(qs.UserError, match="the folder of a run of quickstudy fit"):
        answered(tmp_path, [tmp_path / "rows.csv"], 0.9, ())
