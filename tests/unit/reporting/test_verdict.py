"""The verdict is against the best plain method that sees the task, and says how sure it is."""

import pytest

from quickstudy.ladder.score import Score
from quickstudy.reporting.verdict import verdict

FAMILY = {
    "support mean": "alone",
    "single task, ridge": "alone",
    "pooled, ridge": "blind",
    "ridge, task one-hot": "plain",
    "mixed model": "plain",
    "learned prior": "learned",
}
WOBBLE = (0.0, 0.004, -0.003, 0.002, 0.001)


def scores(errors, splits=5, shot=None, wobble=1.0):
    """Errors with a wobble that is another one for every way."""
    return [
        Score(
            name,
            shot,
            split,
            {"rmse": error + wobble * WOBBLE[(split * (place + 1)) % 5]},
            0.0,
            0.0,
            FAMILY[name],
        )
        for split in range(splits)
        for place, (name, error) in enumerate(errors.items())
    ]


def test_a_learned_way_is_ahead_of_the_best_plain_method():
    (line,) = verdict(
        scores({"pooled, ridge": 9.0, "ridge, task one-hot": 2.0, "learned prior": 1.0})
    )
    assert line.startswith("New rows of known tasks: learned prior is best (1.001), ahead of ridge")
    assert "the best plain method that sees the task (2.001): it is 50.0 % below" in line
    assert "95 % interval 49" in line and "pooled" not in line


def test_a_plain_method_that_is_ahead_is_named_in_plain_words():
    (line,) = verdict(scores({"ridge, task one-hot": 1.0, "learned prior": 2.0}, shot=5))
    assert line.startswith("Unseen tasks of which 5 rows are seen: the plain method ridge, task")
    assert "learning to learn does not pay here" in line and "50.0 % below" in line


@pytest.mark.parametrize("first", ["ridge, task one-hot", "learned prior"])
def test_what_cannot_be_told_apart_is_said_so(first):
    errors = {"ridge, task one-hot": 1.0, "learned prior": 1.0, "mixed model": 1.0005}
    (line,) = verdict(scores(errors | {first: 0.9995}, wobble=10))
    assert f"{first} has the least error" in line and "cannot be told apart from" in line
    assert "Nor can it be told apart from mixed model." in line


def test_one_split_decides_nothing():
    (line,) = verdict(scores({"ridge, task one-hot": 2.0, "learned prior": 1.0}, splits=1))
    assert line.endswith("learned prior has the least error (1), but one split decides nothing.")


def test_tasks_that_are_best_alone_or_all_alike():
    (alone,) = verdict(
        scores({"single task, ridge": 1.0, "ridge, task one-hot": 2.0, "learned prior": 2.0})
    )
    assert "learned best from its own rows" in alone and "ahead of ridge" in alone
    (alike,) = verdict(
        scores({"pooled, ridge": 1.0, "ridge, task one-hot": 2.0, "learned prior": 2.0})
    )
    assert "one model for all rows does it" in alike


def test_every_protocol_has_a_line():
    both = scores({"learned prior": 1.0}) + scores({"learned prior": 1.0}, shot=5)
    assert len(verdict(both)) == 2
