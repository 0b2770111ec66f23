"""Answers are joined, ordered and told as scores."""

import math

import torch

import quickstudy as qs
from quickstudy.ladder.answers import Answers, nothing_of
from quickstudy.ladder.rungs import Pooled
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import frame, mixed, passes, table


def test_a_way_without_intervals_has_none():
    tasks = table(3, 5).whole()
    rung = Pooled()
    rung.fit(tasks, 0)
    batch = tasks.batch()
    found = Answers.of(rung, qs.Episode(batch, batch, tasks.identity), True, 0.9)
    assert found.scores.shape == (15, 1) and found.low.isnan().all()


def test_answers_are_joined_and_ordered():
    one, two = (Answers(*(torch.full((2, 1), value) for _ in range(3))) for value in (1.0, 2.0))
    found = Answers.joined([one, two]).at(torch.tensor([2, 0]))
    assert found.scores.flatten().tolist() == [2.0, 1.0] == found.high.flatten().tolist()


def test_probabilities_become_logarithms_and_numbers_stay():
    made = mixed(frame(4, 6))
    form = TableForm.of(made.whole(), made.labels)
    row = torch.tensor([[0.7, 0.25, 0.75]])
    found = Answers(row, row, row).as_scores(form).scores[0].tolist()
    torch.testing.assert_close(found, [0.7, math.log(0.25), math.log(0.75)], atol=1e-6, rtol=0)


def test_nothing_is_a_masked_row():
    for made in (table, passes):
        found = nothing_of(made(3, 5).whole())
        assert found.mask.sum() == 0 and found.x.shape == (1, 1, 1)
