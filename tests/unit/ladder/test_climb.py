"""The ladder is climbed cheap ways first, within the time, and hopeless ways are given up."""

import logging
import time
from functools import partial

import pytest
import torch

from quickstudy.ladder.climb import Climb, quiet
from quickstudy.ladder.ladder import climb_of
from quickstudy.ladder.rungs import BoostedTask, Pooled, Rung, SupportMeanRung
from quickstudy.ladder.splits import split_of_rows, split_of_tasks
from tests.unit.ladder.small import table


class Constant(Rung):
    """Predicts a constant, as slowly as it is told to."""

    def __init__(self, name, value, cost=2, seconds=0.0, network=None):
        self.name, self.value, self.cost = name, value, cost
        self.seconds, self.network = seconds, network
        self.fits = []

    @property
    def trained(self):
        return self.network or self

    def fit(self, train, seed):
        self.fits.append(seed)
        time.sleep(self.seconds)

    def predict(self, episode, known):
        return torch.full_like(episode.query.y, self.value)


def protocols():
    rows, tasks = table(6, 8), table(8, 12)
    return [partial(split_of_rows, rows, 0.75), partial(split_of_tasks, tasks, (3,), 2, 1)]


def order_of(climb):
    return [(score.name, score.split) for score in climb.scores if score.shot is None]


def test_cheap_ways_come_first_and_ways_on_one_network_together():
    net = object()
    ways = [
        Constant("a", 0.0, network=net),
        Constant("b", 0.0),
        Constant("c", 0.01, network=net),
        Constant("cheap", 0.0, cost=0),
    ]
    climb = Climb(ways, protocols(), 2)
    climb.run()
    names = [("cheap", 0), ("cheap", 1), ("a", 0), ("c", 0), ("a", 1), ("c", 1), ("b", 0), ("b", 1)]
    assert order_of(climb) == names and not climb.notes
    assert {score.shot for score in climb.scores} == {None, 3}


def test_what_is_far_behind_after_two_splits_is_given_up():
    ways = [Pooled(), Constant("hopeless", 99.0), Constant("dear but near", 0.0)]
    climb = Climb(ways, protocols(), 4)
    climb.run()
    assert ways[1].fits == [0, 0, 1, 1]
    assert "stopped early: at least" in climb.notes["hopeless"]
    # a cheap one is run to the end
    cheap = Constant("cheap", 99.0, cost=0)
    Climb([Pooled(), cheap], protocols(), 4).run()
    assert cheap.fits == [0, 0, 1, 1, 2, 2, 3, 3]


def test_what_does_not_fit_into_the_time_is_left_out_and_named():
    slow = Constant("slow", 0.0, cost=2, seconds=0.01)
    climb = Climb([Pooled(), slow], protocols(), 3, seconds=5.0)
    climb.run()
    assert slow.fits == [] and "no time left" in climb.notes["slow"]
    assert [split for _, split in order_of(climb)] == [0, 1, 2]


def test_quick_ways_are_run_on_two_splits_at_least():
    climb = Climb([Pooled(), SupportMeanRung()], protocols(), 5, seconds=1e-9)
    climb.run()
    assert order_of(climb) == [(n, s) for s in (0, 1) for n in ("pooled, ridge", "support mean")]
    assert "no time left" in climb.notes["pooled, ridge"]


def test_a_way_without_models_is_not_run_and_says_so():
    climb = Climb([SupportMeanRung(), BoostedTask()], protocols(), 2)
    climb.run()
    assert {score.name for score in climb.scores} == {"support mean"}
    assert "too few rows" in climb.notes["single task, boosting"]


def test_ctrl_c_keeps_what_is_known():
    class Interrupted(Constant):
        def fit(self, train, seed):
            raise KeyboardInterrupt

    climb = Climb([Pooled(), Interrupted("x", 0.0)], protocols(), 2)
    with pytest.raises(KeyboardInterrupt):
        climb.run()
    assert len(climb.scores) == 4


def test_the_time_that_is_left_falls():
    told = []
    ways = [Constant("a", 0.0, 1, 0.02), Constant("b", 0.0, 1, 0.02)]
    Climb(ways, protocols(), 3).run(lambda *heard: told.append(heard))
    assert len(told) == 12 and told[-1][2] == "split 3 of 3, b"
    assert 0 < told[-1][1] < told[1][1] and told[0][0] < told[-1][0]


def test_splits_of_large_tables_are_made_again(monkeypatch):
    made, (rows, tasks) = [], protocols()

    def counting(split):
        made.append(split)
        return rows(split)

    ways = [Pooled(), Constant("a", 0.0), Constant("b", 0.0)]
    climbs = []
    for most in (10**9, 0):
        monkeypatch.setattr("quickstudy.ladder.climb.MOST_KEPT", most)
        climbs.append(Climb(ways, [counting, tasks], 2))
        climbs[-1].run()
    assert made == [0, 1, 0, 1, 0, 1, 0, 1]
    first, second = ([score.error for score in climb.scores] for climb in climbs)
    assert first == second


def test_trainings_are_quiet():
    logger = logging.getLogger("quickstudy")
    before = logger.level
    with quiet():
        assert not logger.isEnabledFor(logging.INFO)
    assert logger.level == before


def test_both_protocols_are_prepared():
    climb = climb_of(table(8, 12), 2, (3, 5), 0.25)
    assert [list(make(0).episodes) for make in climb.protocols] == [[None], [3, 5]]
    names = [way.name for way in climb.ways]
    assert "ridge, task one-hot" in names and "mixed model, random slopes" in names
