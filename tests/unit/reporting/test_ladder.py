"""The ladder is told in words, and in a table with a column for every target."""

import math
from dataclasses import replace

from quickstudy.ladder.score import Score
from quickstudy.reporting.ladder import (
    best_of,
    cells_of,
    footnotes,
    head_of,
    ladder_lines,
    left_out,
    means,
    shots_of,
)
from quickstudy.reporting.verdict import verdict
from tests.unit.ladder.small import METRICS


def test_the_report_has_a_column_for_every_target():
    def score(name: str, error: float, **metrics: float) -> Score:
        return Score(
            name,
            5,
            0,
            {"error": error, **{METRICS[target]: value for target, value in metrics.items()}},
            0.0,
            0.0,
        )

    scores = [
        score("single task, linear", 0.5, score=8.0, passed=0.2),
        score("pooled, linear", 0.8, score=9.0, passed=0.7),
        score("learned prior", 0.4, score=4.0, passed=0.4),
    ]
    (words,) = verdict(scores)
    assert words.endswith(
        "Least error for score: learned prior (RMSE 4); for passed: single task, linear "
        "(log-loss 0.2)."
    )
    drawn = ladder_lines(scores, 5)
    assert [str(column.header) for column in drawn.columns] == [
        "way",
        "error",
        "above\nthe best",
        "score\nRMSE",
        "passed\nlog-loss",
        "fit,\ns",
        "adapt,\nms",
    ]
    assert [list(column.cells)[2] for column in drawn.columns[:5]] == [
        "learned prior",
        "0.4",
        "—",
        "4",
        "0.4",
    ]
    assert "standard deviations" in str(drawn.caption)


def plain(name: str, error: float, split: int = 0, shot: int | None = None) -> Score:
    return Score(name, shot, split, {"rmse": error, "explained_variance": 0.5}, 0.0, 0.0)


def test_means_are_over_the_splits_of_a_protocol():
    scores = [plain("a", 1.0), plain("a", 3.0, 1), plain("b", 1.5), plain("a", 9.0, shot=5)]
    assert shots_of(scores) == [None, 5]
    assert means(scores, None) == {"a": 2.0, "b": 1.5} and best_of(means(scores, None)) == "b"
    assert means(scores, 5, "explained_variance") == {"a": 0.5}
    assert math.isnan(means(scores, 5, "accuracy")["a"])


def test_a_line_says_how_far_a_way_is_above_the_best():
    scores = [
        plain(name, error + 0.1 * split, split) for split in range(3) for name, error in ERRORS
    ]
    head, rows = cells_of(scores, None)
    assert head[:4] == ["way", "RMSE", "above\nthe best", "explained"]
    # the splits differ, but the ways by the same on each
    assert [row[:3] for row in rows] == [
        ["a", "1.1", "—"],
        ["b", "2.2", "100 ± 0 %"],
    ]


ERRORS = (("a", 1.0), ("b", 2.1))


def test_what_does_not_hold_of_a_way_is_said_below():
    scores = [plain("a", 1.0, split) for split in range(3)] + [plain("b", 2.0)]
    bare = [replace(plain("c", 2.0, split), bare=0.25) for split in range(3)]
    assert footnotes(scores + bare, None, {"b": "stopped early", "d": "refused"}) == [
        "b: 1 of 3 splits (stopped early).",
        "c: 25% of the tasks have too few rows and get their mean, so it does not count.",
    ]
    assert left_out(scores, {"b": "stopped early", "d": "refused"}) == ["Not run (refused): d."]
    assert left_out(scores, {}) == []


def test_a_metric_of_one_target_has_its_target_above():
    assert head_of("rmse") == "RMSE" and head_of("rmse of price") == "price\nRMSE"
