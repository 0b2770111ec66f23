"""The score of a way on a split, and the difference of two ways over several splits."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from quickstudy.ladder.judge import Metrics
from quickstudy.ladder.rungs import Family

LEVEL = 0.95
"""The probability that a paired interval holds the difference."""


@dataclass(frozen=True)
class Score:
    """The score of one way on one split.

    Attributes:
        name: The rung.
        shot: Rows that were seen of unseen tasks; None for new rows of the training tasks.
        split: The seed of the split.
        metrics: ``rmse`` and ``explained_variance``, or ``log_loss`` and ``accuracy``, see
            :func:`~quickstudy.ladder.judge.judge`; of several targets of different kinds
            ``error`` and the metrics of each, see
            :func:`~quickstudy.ladder.judge.judge_by_target`.
        fit_seconds: Time to learn from the training tasks.
        adapt_ms: Time to adapt to a task and predict its rows, milliseconds a task.
        family: Whether the way sees one task only, sees all rows but not their task, sees both as a
            practitioner's model does, or learns to learn.
        bare: The fraction of the tasks that had too few rows for a model, and got their mean.
        held: The number of rows, or tasks, judged on, divided by the number learned from.
    """

    name: str
    shot: int | None
    split: int
    metrics: Metrics
    fit_seconds: float
    adapt_ms: float
    family: Family = "learned"
    bare: float = 0.0
    held: float = 1 / 3

    @property
    def error(self) -> float:
        """The metric that decides; less is better."""
        return next(iter(self.metrics.values()))


def by_name(scores: Iterable[Score]) -> dict[str, list[Score]]:
    """Group scores by the way."""
    found: dict[str, list[Score]] = {}
    for score in scores:
        found.setdefault(score.name, []).append(score)
    return found


@dataclass(frozen=True)
class Difference:
    """A paired difference of errors, relative to the error of the other way.

    Attributes:
        mean: The mean over the splits; below 0 if the first is better.
        low: The lower end of its interval; −∞ with fewer than two splits.
        high: The upper end.
    """

    mean: float
    low: float
    high: float

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def difference(
    one: Mapping[int, float], other: Mapping[int, float], held: float, level: float = LEVEL
) -> Difference:
    """Compare the errors of two ways by split, on the splits that both have.

    The differences of ``J`` splits are ``d_j``, with standard deviation ``s``, and ``ρ`` is the
    number of rows or tasks judged on divided by the number learned from. The interval is

    ``mean d ± t_{J−1} s √(1/J + ρ)``.

    Splits of one table share rows, so their differences are correlated. The ordinary ``1/J``
    would make the interval too short; ``ρ`` corrects it. Both are divided by the mean of
    ``other``.

    Args:
        one: Errors by split.
        other: Errors by split.
        held: ``ρ``.
        level: The probability of the interval.

    Source: Nadeau & Bengio 2003, section 4 (the corrected resampled t-test).
    """
    apart = _relative(one, other)
    if not len(apart):
        return Difference(math.nan, -math.inf, math.inf)
    mean, half = float(apart.mean()), _half(apart, held, level)
    return Difference(mean, mean - half, mean + half)


def _relative(one: Mapping[int, float], other: Mapping[int, float]) -> NDArray[np.float64]:
    """Give the differences on common splits, relative to the mean of ``other`` ``[split]``."""
    common = sorted(set(one) & set(other))
    errors, others = (np.array([each[split] for split in common]) for each in (one, other))
    return (errors - others) / max(float(np.sum(others)) / max(1, len(common)), 1e-300)


def _half(apart: NDArray[np.float64], held: float, level: float) -> float:
    """Give half the length of the interval; with fewer than two splits it is infinite."""
    splits = len(apart)
    if splits < 2:
        return math.inf
    spread = float(apart.std(ddof=1)) * math.sqrt(1 / splits + held)
    return float(student.ppf(0.5 + level / 2, splits - 1)) * spread


__all__ = ["LEVEL", "Difference", "Score", "by_name", "difference"]
