"""The ladder: on the same splits of a table, what each further way of sharing between tasks brings."""

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
"""Part of a known task's rows that is learned from."""


@dataclass(frozen=True)
class Score:
    """How well one way predicted one split.

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
    """*Seen tasks, new rows*: learn from a random ``fraction`` of every task's rows, predict the others."""
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
    """*Unseen tasks, K-shot*: learn from some tasks, adapt to ``new`` others from K random rows (``draws`` times), predict their others."""
    found = []
    for split in range(splits):
        train, unseen = table.split_tasks(new, split)
        episodes: dict[int | None, list[Episode]] = {
            shot: [
                unseen.draw(shot, None, generator(split, "ladder", 1000 * shot + draw))
                for draw in range(draws)
            ]
            for shot in shots
        }
        found += _climb(table, train, episodes, split, ways)
    return found


def _climb(
    table: Table,
    train: TableTasks,
    protocols: dict[int | None, list[Episode]],
    split: int,
    ways: Sequence[Rung] | None,
) -> list[Score]:
    form = TableForm.of(train, table.labels)
    scaled, scores = form.tasks(train), []
    for rung in rungs(table.target) if ways is None else ways:
        began = time.perf_counter()
        rung.fit(scaled, split)
        fitted = time.perf_counter() - began + rung.spared
        for shot, episodes in protocols.items():
            began = time.perf_counter()
            predicted = [
                form.unscaled(rung.predict(form.episode(episode), shot is None))
                for episode in episodes
            ]
            spent = time.perf_counter() - began
            tasks = sum(episode.num_tasks for episode in episodes)
            both = zip(predicted, episodes, strict=True)
            judged = [
                judge_by_target(values, episode.query, form)
                if form.labels
                else judge(values, episode.query)
                for values, episode in both
            ]
            scores.append(Score(rung.name, shot, split, _mean(judged), fitted, 1e3 * spent / tasks))
            logger.info(
                "split %d, %s, %s: %.4g",
                split,
                "new rows" if shot is None else f"K = {shot}",
                rung.name,
                scores[-1].error,
            )
    return scores


def _mean(judged: list[Metrics]) -> Metrics:
    """The mean of every metric over the draws that have it: in one that holds no label of a target, it has none."""
    names = dict.fromkeys(name for one in judged for name in one)
    found = {name: [one[name] for one in judged if name in one] for name in names}
    return {name: sum(values) / len(values) for name, values in found.items()}


__all__ = ["FRACTION", "Score", "ladder_rows", "ladder_tasks"]
