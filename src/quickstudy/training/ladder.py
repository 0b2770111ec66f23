"""The ladder: on the same splits of a table, what each further way of sharing between tasks brings."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.loss import mean_over_examples
from quickstudy.random import generator
from quickstudy.tasks import Table, TableTasks
from quickstudy.training.rungs import Rung, rungs

logger = logging.getLogger("quickstudy")


@dataclass(frozen=True)
class Score:
    """How well one way predicted one split.

    Attributes:
        name: The rung.
        protocol: ``"new rows"``, or ``"K = 5"``: unseen tasks of which so many rows were seen.
        split: The seed of the split.
        rmse: Root mean squared error of a task's rows, averaged over tasks.
        explained: ``1 − Σ (ŷ − y)² / Σ (y − ȳ)²`` over all rows, ``ȳ`` their mean.
        fit_seconds: Time to learn from the training tasks.
        adapt_ms: Time to adapt to a task and predict its rows, milliseconds a task.
    """

    name: str
    protocol: str
    split: int
    rmse: float
    explained: float
    fit_seconds: float
    adapt_ms: float


def ladder_rows(table: Table, splits: int = 10, fraction: float = 0.75, ways: Sequence[Rung] | None = None) -> list[Score]:
    """*Seen tasks, new rows*: learn from a random ``fraction`` of every task's rows, predict the others."""
    found = []
    for split in range(splits):
        train, test = table.split_rows(fraction, split)
        place = {int(identity): index for index, identity in enumerate(train.identity)}
        chosen = [place[int(identity)] for identity in test.identity]
        episode = Episode(train.batch(chosen), test.batch(), test.identity)
        found += _climb(train, {"new rows": [episode]}, split, True, ways)
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
        episodes = {
            f"K = {shot}": [unseen.draw(shot, None, generator(split, "ladder", 1000 * shot + draw)) for draw in range(draws)]
            for shot in shots
        }
        found += _climb(train, episodes, split, False, ways)
    return found


def _climb(train: TableTasks, protocols: dict[str, list[Episode]], split: int, known: bool, ways: Sequence[Rung] | None) -> list[Score]:
    require(train.kind.name == "regression", "The ladder is for targets that are numbers. Found classes.")
    mean, scale = train.y.mean(0), train.y.std(0).clamp(min=1e-12)
    scaled = replace(train, y=(train.y - mean) / scale)
    scores = []
    for rung in rungs() if ways is None else ways:
        began = time.perf_counter()
        rung.fit(scaled, split)
        fitted = time.perf_counter() - began
        for protocol, episodes in protocols.items():
            began = time.perf_counter()
            predicted = [rung.predict(_scaled(episode, mean, scale), known) * scale + mean for episode in episodes]
            spent = time.perf_counter() - began
            tasks = sum(episode.num_tasks for episode in episodes)
            rmse, explained = zip(*(_judged(p, e.query) for p, e in zip(predicted, episodes, strict=True)), strict=True)
            count = len(episodes)
            scores.append(Score(rung.name, protocol, split, sum(rmse) / count, sum(explained) / count, fitted, 1e3 * spent / tasks))
            logger.info("split %d, %s, %s: RMSE %.3f", split, protocol, rung.name, scores[-1].rmse)
    return scores


def _scaled(episode: Episode, mean: Tensor, scale: Tensor) -> Episode:
    support = episode.support
    return Episode(Batch(support.x, (support.y - mean) / scale * support.mask.unsqueeze(-1), support.mask), episode.query, episode.task)


def _judged(predicted: Tensor, query: Batch) -> tuple[float, float]:
    """Root mean squared error by task, averaged, and explained variance, averaged over the targets."""
    error = (predicted - query.y).square()
    rmse = mean_over_examples(error.mean(-1), query.mask).sqrt()[(query.mask > 0).any(1)].mean()
    real = query.mask > 0
    spread = (query.y[real] - query.y[real].mean(0)).square().sum(0)
    return float(rmse), float((1 - error[real].sum(0) / spread).mean())


__all__ = ["Score", "ladder_rows", "ladder_tasks"]
