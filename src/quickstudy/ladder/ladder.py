"""Climbs the ladder: judges every way of sharing between tasks on the same splits of a table."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from quickstudy.episode import Episode
from quickstudy.ladder.judge import Metrics, judge, judge_by_target
from quickstudy.ladder.rungs import Rung, rungs
from quickstudy.random import generator
from quickstudy.tasks import Table, TableTasks
from quickstudy.tasks.table_form import TableForm

logger = logging.getLogger("quickstudy")

FRACTION = 0.75
"""The part of a known task's rows to learn from."""
Protocols = dict[int | None, list[Episode]]
"""The episodes to judge on, by the shot; None for new rows of known tasks."""


@dataclass(frozen=True)
class Score:
    """The score of one way on one split.

    Attributes:
        name: The rung.
        shot: Rows that were seen of unseen tasks; None for new rows of the training tasks.
        split: The seed of the split.
        metrics: ``rmse`` and ``explained_variance``, or ``log_loss`` and ``accuracy``, see
            :func:`~quickstudy.ladder.judge.judge`; of several targets of different kinds
            ``error`` and each target's own, see :func:`~quickstudy.ladder.judge.judge_by_target`.
        fit_seconds: Time to learn from the training tasks.
        adapt_ms: Time to adapt to a task and predict its rows, milliseconds a task.
    """

    name: str
    shot: int | None
    split: int
    metrics: Metrics
    fit_seconds: float
    adapt_ms: float

    @property
    def error(self) -> float:
        """The metric that decides; less is better."""
        return next(iter(self.metrics.values()))


def ladder_rows(
    table: Table, splits: int = 10, fraction: float = FRACTION, ways: Sequence[Rung] | None = None
) -> list[Score]:
    """Learn from a random ``fraction`` of every task's rows, and predict the others.

    The protocol *seen tasks, new rows*.
    """
    found = []
    for split in range(splits):
        train, test = table.split_rows(fraction, split)
        episode = Episode(train.batch(train.places(test.identity)), test.batch(), test.identity)
        found += _climb(table, train, {None: [episode]}, split, ways)
    return found


def ladder_tasks(
    table: Table,
    shots: Sequence[int] = (5, 10, 15),
    new: float | int = 0.25,
    splits: int = 10,
    draws: int = 5,
    ways: Sequence[Rung] | None = None,
) -> list[Score]:
    """Learn from some tasks, adapt to ``new`` others from K random rows, and predict their others.

    The protocol *unseen tasks, K-shot*. The K rows are drawn ``draws`` times.
    """
    found = []
    for split in range(splits):
        train, unseen = table.split_tasks(new, split)
        protocols: Protocols = {shot: _drawn(unseen, shot, draws, split) for shot in shots}
        found += _climb(table, train, protocols, split, ways)
    return found


def _drawn(unseen: TableTasks, shot: int, draws: int, split: int) -> list[Episode]:
    """Draw ``shot`` rows of every task, ``draws`` times."""
    moments = (1000 * shot + draw for draw in range(draws))
    return [unseen.draw(shot, None, generator(split, "ladder", moment)) for moment in moments]


def _climb(
    table: Table,
    train: TableTasks,
    protocols: Protocols,
    split: int,
    ways: Sequence[Rung] | None,
) -> list[Score]:
    """Fit every way to ``train``, and judge it by every protocol."""
    form = TableForm.of(train, table.labels)
    scaled, scores = form.tasks(train), []
    for rung in rungs(table.target) if ways is None else ways:
        began = time.perf_counter()
        rung.fit(scaled, split)
        fitted = time.perf_counter() - began + rung.spared
        for shot, episodes in protocols.items():
            metrics, adapt_ms = _judged(rung, form, episodes, shot is None)
            scores.append(Score(rung.name, shot, split, metrics, fitted, adapt_ms))
            protocol = "new rows" if shot is None else f"K = {shot}"
            error = scores[-1].error
            logger.info("split %d, %s, %s: %.4g", split, protocol, rung.name, error)
    return scores


def _judged(
    rung: Rung, form: TableForm, episodes: list[Episode], known: bool
) -> tuple[Metrics, float]:
    """Give the metrics of a fitted rung, and its milliseconds a task."""
    began = time.perf_counter()
    predicted = [form.unscaled(rung.predict(form.episode(episode), known)) for episode in episodes]
    spent = time.perf_counter() - began
    tasks = sum(episode.num_tasks for episode in episodes)
    found = []
    for values, episode in zip(predicted, episodes, strict=True):
        if form.labels:
            found.append(judge_by_target(values, episode.query, form))
        else:
            found.append(judge(values, episode.query))
    return _mean(found), 1e3 * spent / tasks


def _mean(judged: list[Metrics]) -> Metrics:
    """Average every metric over the draws that have it.

    A draw without a label of a target has no metric of that target.
    """
    names = dict.fromkeys(name for one in judged for name in one)
    found = {name: [one[name] for one in judged if name in one] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


__all__ = ["FRACTION", "Score", "ladder_rows", "ladder_tasks"]
