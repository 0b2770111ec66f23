"""A split holds what is learned from and judged on."""

import pytest

from quickstudy.ladder.rungs import BoostedTask, MixedRung, Pooled
from quickstudy.ladder.splits import TOO_FEW, split_of_rows, split_of_tasks
from tests.unit.ladder.small import passes, table


def test_rows_are_split_within_the_tasks():
    split = split_of_rows(table(6, 8), 0.75, 1)
    assert len(split.train.x) == 36 and split.held == pytest.approx(12 / 36)
    (episode,) = split.episodes[None]
    assert episode.query.mask.sum() == 12 and episode.support.mask.sum() == 36
    assert split.train.y.mean().abs() < 1e-6


def test_tasks_are_held_out_and_drawn_alike():
    one, two = (split_of_tasks(table(8, 9), (3, 5), 2, 2, 4) for _ in range(2))
    assert len(one.train.names) == 6 and one.held == pytest.approx(2 / 6)
    assert list(one.episodes) == [3, 5] and [len(own) for own in one.episodes.values()] == [2, 2]
    for a, b in zip(one.episodes[3], two.episodes[3], strict=True):
        assert (a.support.x == b.support.x).all() and a.support.x.shape[1] == 3


def test_what_need_not_be_tried_is_said():
    split = split_of_tasks(table(8, 9), (3, 5), 2, 1, 0)
    assert split.hopeless(BoostedTask()) == TOO_FEW
    assert not split.hopeless(Pooled())
    assert "for numbers" in split_of_rows(passes(6, 8), 0.75, 0).hopeless(MixedRung(False))


def test_a_score_says_how_it_was_measured():
    (score,) = split_of_rows(table(6, 8), 0.75, 3).scores(Pooled())
    assert (score.name, score.shot, score.split) == ("pooled, ridge", None, 3)
    assert (score.family, score.bare) == ("blind", 0.0) and score.held == pytest.approx(1 / 3)
    (few,) = split_of_rows(table(6, 8), 0.75, 3).scores(BoostedTask())
    assert few.bare == 1.0
