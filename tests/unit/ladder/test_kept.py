"""A way is kept with its rows, and answers the same after it is read."""

import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.kept import Kept
from quickstudy.ladder.rungs import rungs
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import passes, table


def fitted(made, name):
    whole = made.whole()
    form = TableForm.of(whole, made.labels)
    rung = next(rung for rung in rungs(made.target) if rung.name == name)
    return Kept.fit(rung, form.tasks(whole)), form


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (table, "learned prior"),
        (table, "boosting that sees the task"),
        (passes, "logistic, task one-hot"),
        (passes, "single task, logistic"),
    ],
)
def test_what_is_read_answers_as_what_was_written(tmp_path, made, name):
    kept, form = fitted(made(5, 20), name)
    kept.write(tmp_path)
    again = Kept.read(tmp_path, form)
    x, place = torch.randn(6, 1), torch.tensor([4, 0, 2, 2, 4, 1])
    one, two = (each.answers(x, place, 0.9) for each in (kept, again))
    torch.testing.assert_close(one.scores, two.scores)
    assert again.rows.names == kept.rows.names and again.rung.name == name
    # the order of the rows is theirs
    back = kept.answers(x.flip(0), place.flip(0), 0.9)
    torch.testing.assert_close(back.scores.flip(0), one.scores)


def test_a_task_without_rows_is_answered_by_what_all_have_in_common():
    kept, _ = fitted(table(5, 20), "mixed model, random intercept")
    found = kept.of_unknown(kept.rung, torch.tensor([[0.0]]), 0.9)
    mean = kept.rung.learner.mean[0, -1]
    torch.testing.assert_close(found.scores[0, 0], mean.detach())
    assert found.low < found.scores < found.high


def test_a_folder_without_rows_is_refused(tmp_path):
    _, form = fitted(table(5, 20), "pooled, ridge")
    with pytest.raises(qs.UserError, match="keeps nothing for known tasks"):
        Kept.read(tmp_path, form)
