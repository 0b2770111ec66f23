"""The ladder is told in words, and in a table with a column for every target."""

import math

import pytest

from quickstudy.ladder.ladder import Score
from quickstudy.reporting.ladder import best_of, head_of, lines, means, shots_of, verdict
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
    assert (
        "learned prior is best (0.4); sharing pays: the error is 20.0% below the best of a "
        "task alone and 50.0% below" in words
    )
    assert words.endswith(
        "Best for score: learned prior (RMSE 4); for passed: single task, linear (log-loss 0.2)."
    )
    drawn = lines(scores, 5)
    assert [str(column.header) for column in drawn.columns] == [
        "way",
        "error",
        "score\nRMSE",
        "passed\nlog-loss",
        "fit, s",
        "adapt, ms",
    ]
    assert [list(column.cells)[2] for column in drawn.columns[:4]] == [
        "learned prior",
        "0.400",
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


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ((1.0, 2.0, 3.0), "every task is best learned alone"),
        ((2.0, 1.0, 3.0), "one model for all rows does it"),
        ((2.0, 4.0, 1.0), "the error is 50.0% below the best of a task alone and 75.0% below"),
    ],
)
def test_the_verdict_says_which_way_pays(errors, words):
    names = ("single task, ridge", "pooled, ridge", "learned prior")
    (line,) = verdict([plain(*row) for row in zip(names, errors, strict=True)])
    assert line.startswith("New rows of known tasks: ") and words in line


def test_a_metric_of_one_target_has_its_target_above():
    assert head_of("rmse") == "RMSE" and head_of("rmse of price") == "price\nRMSE"
