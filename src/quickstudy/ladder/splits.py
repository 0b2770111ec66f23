"""Seeded splits of a table, the same for every way."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import mean

from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.judge import Metrics, judge, judge_by_target
from quickstudy.ladder.rungs import Rung
from quickstudy.ladder.score import Score
from quickstudy.random import generator
from quickstudy.tasks import Table, TableTasks
from quickstudy.tasks.table_form import TableForm

Shot = int | None
"""Rows that are seen of an unseen task; None for new rows of known tasks."""

Episodes = dict[Shot, list[Episode]]
"""The episodes to judge on, by the shot."""
TOO_FEW = "every task has too few rows for a model"
"""Why a way that learns each task separately is not run."""


@dataclass(frozen=True, eq=False)
class Split:
    """Tasks to learn from, and episodes to judge on.

    Attributes:
        number: The seed.
        form: Turns columns into features and back.
        train: The tasks to learn from, scaled.
        episodes: The episodes to judge on, by the shot; targets are in the table's units.
        held: The number of rows, or tasks, judged on, divided by the number learned from.
    """

    number: int
    form: TableForm
    train: TableTasks
    episodes: Episodes
    held: float

    def hopeless(self, rung: Rung) -> str:
        """Say why a rung need not be tried; empty if it should be."""
        return rung.refuses(self.train) or (TOO_FEW if self._bare(rung) == 1 else "")

    def _bare(self, rung: Rung) -> float:
        """Give the least fraction of the tasks without a model, over all episodes."""
        episodes = chain.from_iterable(self.episodes.values())
        return min(map(rung.bare, episodes), default=0.0)

    def scores(self, rung: Rung) -> list[Score]:
        """Fit the rung, and judge it by every protocol."""
        began = time.perf_counter()
        rung.fit(self.train, self.number)
        fitted = time.perf_counter() - began + rung.spared
        return [self._score(rung, shot, fitted) for shot in self.episodes]

    def _score(self, rung: Rung, shot: Shot, fitted: float) -> Score:
        """Judge a fitted rung by one protocol."""
        metrics, a_task = self._measured(rung, shot)
        found = Score(rung.name, shot, self.number, metrics, fitted, a_task, rung.family)
        bare = mean(map(rung.bare, self.episodes[shot]))
        return replace(found, bare=bare, held=self.held)

    def _measured(self, rung: Rung, shot: Shot) -> tuple[Metrics, float]:
        """Give the metrics of a fitted rung, and its milliseconds a task."""
        episodes = self.episodes[shot]
        began = time.perf_counter()
        predicted = [self._predicted(rung, episode, shot is None) for episode in episodes]
        spent = time.perf_counter() - began
        found = [self._judged(*pair) for pair in zip(predicted, episodes, strict=True)]
        return _mean(found), 1e3 * spent / sum(episode.num_tasks for episode in episodes)

    def _predicted(self, rung: Rung, episode: Episode, known: bool) -> Tensor:
        """Predict the queries in the table's units."""
        return self.form.unscaled(rung.predict(self.form.episode(episode), known))

    def _judged(self, predicted: Tensor, episode: Episode) -> Metrics:
        if self.form.labels:
            return judge_by_target(predicted, episode.query, self.form)
        return judge(predicted, episode.query)


def split_of_rows(table: Table, fraction: float, seed: int) -> Split:
    """Split every task's rows: a ``fraction`` to learn from, the others to judge on."""
    train, test = table.split_rows(fraction, seed)
    support = train.batch(train.places(test.identity))
    episode = Episode(support, test.batch(), test.identity)
    held = len(test.x) / len(train.x)
    return _split(table, train, {None: [episode]}, held, seed)


def split_of_tasks(
    table: Table, shots: Sequence[int], new: float | int, draws: int, seed: int
) -> Split:
    """Hold ``new`` tasks out, and draw K rows of each to adapt to, ``draws`` times."""
    train, unseen = table.split_tasks(new, seed)
    episodes: Episodes = {shot: _drawn(unseen, shot, draws, seed) for shot in shots}
    held = len(unseen.names) / len(train.names)
    return _split(table, train, episodes, held, seed)


def _split(table: Table, train: TableTasks, episodes: Episodes, held: float, seed: int) -> Split:
    """Scale the tasks to learn from."""
    form = TableForm.of(train, table.labels)
    return Split(seed, form, form.tasks(train), episodes, held)


def _drawn(unseen: TableTasks, shot: int, draws: int, split: int) -> list[Episode]:
    """Draw ``shot`` rows of every task, ``draws`` times."""
    moments = (1000 * shot + draw for draw in range(draws))
    return [unseen.draw(shot, None, generator(split, "ladder", moment)) for moment in moments]


def _mean(judged: list[Metrics]) -> Metrics:
    """Average every metric over the draws that have it.

    A draw without a label of a target has no metric of that target.
    """
    names = dict.fromkeys(name for one in judged for name in one)
    found = {name: [one[name] for one in judged if name in one] for name in names}
    return {name: mean(values) for name, values in found.items()}


__all__ = ["TOO_FEW", "Episodes", "Shot", "Split", "split_of_rows", "split_of_tasks"]
