"""Who is best is said of ways that were run on all splits and have models for the tasks."""

import pytest

from quickstudy.ladder.score import Score
from quickstudy.ladder.standing import Standing


def scores(name, errors, family="learned", bare=0.0, shot=None):
    return [
        Score(name, shot, split, {"rmse": error}, 0.0, 0.0, family, bare)
        for split, error in enumerate(errors)
    ]


STANDING = Standing.of(
    [
        *scores("mean", [5.0, 5.1, 5.2], "alone"),
        *scores("alone", [0.5, 0.5, 0.5], "alone", bare=0.6),
        *scores("ridge", [2.0, 2.1, 2.2], "plain"),
        *scores("mixed", [2.02, 2.08, 2.23], "plain"),
        *scores("prior", [1.5, 1.6, 1.71]),
        *scores("network", [1.0, 1.0]),
        *scores("other protocol", [0.1], shot=5),
    ],
    None,
)


def test_ways_that_were_stopped_or_have_no_models_do_not_count():
    assert STANDING.splits == 3
    assert STANDING.counted == ["mean", "ridge", "mixed", "prior"]
    assert STANDING.best == "prior" and STANDING.bare["alone"] == pytest.approx(0.6)


def test_ways_stand_by_family_and_best_first():
    order = ["mean", "alone", "ridge", "mixed", "prior", "network"]
    assert list(STANDING.errors) == order
    assert STANDING.best_first == ["prior", "ridge", "mixed", "mean", "alone", "network"]


def test_the_best_of_a_family():
    assert STANDING.best_of("plain") == "ridge"
    assert STANDING.best_of("alone", "plain") == "ridge"
    assert STANDING.best_of("blind") is None


def test_ways_are_compared_on_common_splits():
    assert STANDING.apart("prior", "ridge").told_apart
    assert STANDING.not_told_from("ridge") == ["mixed"]
    assert STANDING.not_told_from("prior") == []


def test_if_no_way_has_models_all_count():
    only = Standing.of(scores("alone", [1.0], "alone", bare=0.9), None)
    assert only.counted == ["alone"]
