"""A fitted way of sharing, which predicts a task's queries from its support rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.ladder.rungs import Rung
from quickstudy.tasks import TableTasks
from quickstudy.tasks.table_form import TableForm

TASKS_AT_ONCE = 256

Ask = Callable[[Rung, Episode, bool], Tensor]
"""A question to a rung; the answer is ``[task, example, output]``."""


def prediction(rung: Rung, episode: Episode, known: bool) -> Tensor:
    """Ask for targets, or probabilities of classes."""
    return rung.predict(episode, known)


def bounds(level: float) -> Ask:
    """Ask for the two bounds of every target, one after the other."""
    return lambda rung, episode, known: torch.cat(rung.interval(episode, level), -1)


@dataclass(frozen=True, eq=False)
class Approach:
    """A rung of the ladder that was fitted to some tasks.

    Attributes:
        rung: The fitted rung.
        form: Turns columns into features and back.
    """

    rung: Rung
    form: TableForm

    def inputs(self, frame: pd.DataFrame) -> Tensor:
        """Encode a table as features ``[row, feature]``, in double precision."""
        return torch.from_numpy(self.form.encoder(frame)).double()

    def of_new(self, support: Batch, x: Tensor, ask: Ask = prediction) -> np.ndarray:
        """Ask about rows ``x`` ``[row, feature]`` of one new task, given its ``support`` rows.

        Returns:
            The answers ``[row, output]``.
        """
        query = _queries(support, x)
        episode = Episode(support, query, torch.zeros(1, dtype=torch.long))
        return ask(self.rung, episode, False)[0].numpy()

    def of_known(
        self, tasks: TableTasks, x: Tensor, place: np.ndarray, ask: Ask = prediction
    ) -> np.ndarray:
        """Ask about rows ``x`` ``[row, feature]`` of the training tasks.

        Args:
            tasks: The training tasks.
            x: The rows.
            place: The place of each row's task among ``tasks`` ``[row]``; −1 for an unknown task,
                of which no rows are known.
            ask: The question.

        Returns:
            The answers ``[row, output]``.
        """
        found = list(self._known(tasks, x, place, ask))
        unknown = np.flatnonzero(place < 0)
        if len(unknown):
            found.append((unknown, self.of_new(_nothing(tasks), x[unknown], ask)))
        return _in_order(found)

    def _known(
        self, tasks: TableTasks, x: Tensor, place: np.ndarray, ask: Ask
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give the rows of some tasks at a time, and the answers ``[row, output]``."""
        for part in _some_at_a_time(np.unique(place[place >= 0])):
            for places in tasks.groups(part.tolist()):
                chosen = np.array(places)
                own = _rows_of(chosen, place)
                episode = _episode(tasks, chosen, x[own], place[own])
                yield own, ask(self.rung, episode, True)[episode.query.mask > 0].numpy()


def _some_at_a_time(asked: np.ndarray) -> Iterator[np.ndarray]:
    """Divide the tasks ``asked`` so that memory holds those of a part."""
    for first in range(0, len(asked), TASKS_AT_ONCE):
        yield asked[first : first + TASKS_AT_ONCE]


def _rows_of(chosen: np.ndarray, place: np.ndarray) -> np.ndarray:
    """List the rows of the tasks ``chosen``, task by task."""
    own = np.flatnonzero(np.isin(place, chosen))
    return own[np.argsort(place[own], kind="stable")]


def _in_order(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Put answers in the order of their rows."""
    rows = np.concatenate([own for own, _ in found])
    answers = np.concatenate([answer for _, answer in found])
    result = np.empty_like(answers)
    result[rows] = answers
    return result


def _queries(support: Batch, x: Tensor) -> Batch:
    """Make the query set of rows ``x`` ``[row, feature]``."""
    y = _any_labels(support.y[0], len(x)).unsqueeze(0)
    return Batch(x.unsqueeze(0), y, x.new_ones(1, len(x)), support.target)


def _episode(tasks: TableTasks, chosen: np.ndarray, x: Tensor, place: np.ndarray) -> Episode:
    """Make an episode of the tasks ``chosen``, with the rows ``x`` at ``place`` as queries."""
    identity = tasks.identity[torch.from_numpy(chosen)]
    queries = _rows_without_labels(tasks, chosen, x, place)
    return Episode(tasks.batch(chosen.tolist()), queries.batch(), identity)


def _rows_without_labels(
    tasks: TableTasks, chosen: np.ndarray, x: Tensor, place: np.ndarray
) -> TableTasks:
    """Sort the rows ``x`` at ``place`` by the tasks ``chosen``; their labels are any."""
    return replace(
        tasks,
        x=x,
        y=_any_labels(tasks.y, len(x)),
        task=torch.from_numpy(np.searchsorted(chosen, place)),
        names=tuple(tasks.names[index] for index in chosen),
    )


def _any_labels(y: Tensor, num_rows: int) -> Tensor:
    """Give labels ``[row, *target]`` for queries whose labels do not matter."""
    return y[:1].expand(num_rows, *y.shape[1:])


def _nothing(tasks: TableTasks) -> Batch:
    """Make a support set without rows."""
    x, y = tasks.x[None, :1] * 0, tasks.y[None, :1] * 0
    return Batch(x, y, tasks.x.new_zeros(1, 1), tasks.target)


__all__ = ["Approach", "Ask", "bounds", "prediction"]
