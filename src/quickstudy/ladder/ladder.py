"""Climbs the ladder: judges every way of sharing between tasks on the same splits of a table."""

from collections.abc import Sequence
from functools import partial
from itertools import chain

from quickstudy.ladder.climb import Climb, quiet
from quickstudy.ladder.rungs import Rung, rungs
from quickstudy.ladder.score import Score
from quickstudy.ladder.splits import Split, split_of_rows, split_of_tasks
from quickstudy.tasks import Table

FRACTION = 0.75
"""The fraction of a known task's rows to learn from."""
FEW_ROWS = ((200, 20), (500, 10))
"""Pairs ``(limit, splits)`` for tables with fewer rows than the limit; larger tables get 5."""
SECONDS, MOST_SECONDS = 30.0, 600.0
"""The time for comparing, of small tables and of large ones."""
ROWS_A_SECOND = 150


def ladder_rows(
    table: Table, splits: int = 10, fraction: float = FRACTION, ways: Sequence[Rung] | None = None
) -> list[Score]:
    """Learn from a random ``fraction`` of every task's rows, and predict the others.

    The protocol *seen tasks, new rows*. All ways are run on all splits;
    :class:`~quickstudy.ladder.climb.Climb` compares them in less time.
    """
    return _every(table, partial(split_of_rows, table, fraction), splits, ways)


def ladder_tasks(
    table: Table,
    shots: Sequence[int] = (5, 10, 15),
    new: float | int = 0.25,
    splits: int = 10,
    draws: int = 5,
    ways: Sequence[Rung] | None = None,
) -> list[Score]:
    """Learn from some tasks, adapt to ``new`` others from K random rows, and predict the rest.

    The protocol *unseen tasks, K-shot*. The K rows are drawn ``draws`` times.
    """
    return _every(table, partial(split_of_tasks, table, shots, new, draws), splits, ways)


def climb_of(
    table: Table,
    splits: int,
    shots: Sequence[int],
    new: float,
    seconds: float | None = None,
    draws: int = 3,
) -> Climb:
    """Prepare both protocols for all ways that serve the table."""
    protocols = [
        partial(split_of_rows, table, FRACTION),
        partial(split_of_tasks, table, shots, new, draws),
    ]
    return Climb(rungs(table.target), protocols, splits, seconds)


def splits_for(rows: int) -> int:
    """Choose the number of splits: five, more if there are few rows."""
    return next((splits for fewer, splits in FEW_ROWS if rows < fewer), 5)


def seconds_for(rows: int) -> float:
    """Choose the time for comparing: half a minute, more if there are many rows."""
    return min(MOST_SECONDS, max(SECONDS, rows / ROWS_A_SECOND))


def _every(
    table: Table, make: partial[Split], splits: int, ways: Sequence[Rung] | None
) -> list[Score]:
    """Judge all ways on all splits."""
    tried = rungs(table.target) if ways is None else ways
    with quiet():
        found = [_on(make(number), tried) for number in range(splits)]
    return list(chain.from_iterable(found))


def _on(split: Split, ways: Sequence[Rung]) -> list[Score]:
    """Judge the ways that serve its tasks on a split."""
    able = [rung for rung in ways if not rung.refuses(split.train)]
    return [score for rung in able for score in split.scores(rung)]


__all__ = [
    "FRACTION",
    "Score",
    "climb_of",
    "ladder_rows",
    "ladder_tasks",
    "seconds_for",
    "splits_for",
]
