"""A fitted way of sharing: what says of a task's queries, given its support rows."""

from collections.abc import Callable
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
"""What is asked of a rung: ``[task, example, output]``."""


def prediction(rung: Rung, episode: Episode, known: bool) -> Tensor:
    """Targets, or probabilities of classes."""
    return rung.predict(episode, known)


def bounds(level: float) -> Ask:
    """The two bounds of every target, one after the other."""
    return lambda rung, episode, known: torch.cat(rung.interval(episode, level), -1)


@dataclass(frozen=True, eq=False)
class Approach:
    """A rung of the ladder that was fitted to some tasks.

    Attributes:
        rung: The way.
        form: Columns to features and back.
    """

    rung: Rung
    form: TableForm

    def inputs(self, frame: pd.DataFrame) -> Tensor:
        """Features ``[row, feature]``, in double precision."""
        return torch.from_numpy(self.form.encoder(frame)).double()

    def of_new(self, support: Batch, x: Tensor, ask: Ask = prediction) -> np.ndarray:
        """What is asked of rows ``x`` ``[row, feature]`` of one new task with the ``support`` rows ``[row, output]``."""
        query = Batch(
            x.unsqueeze(0),
            support.y[:, :1].expand(1, len(x), *support.y.shape[2:]),
            x.new_ones(1, len(x)),
            support.target,
        )
        episode = Episode(support, query, torch.zeros(1, dtype=torch.long))
        return ask(self.rung, episode, False)[0].numpy()

    def of_known(
        self, tasks: TableTasks, x: Tensor, place: np.ndarray, ask: Ask = prediction
    ) -> np.ndarray:
        """What is asked of rows ``x`` of the training tasks at the places ``place`` among ``tasks``; of no task where that is −1."""
        parts: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        asked = np.unique(place[place >= 0])
        for first in range(0, len(asked), TASKS_AT_ONCE):
            chosen = asked[first : first + TASKS_AT_ONCE]
            own = np.flatnonzero(np.isin(place, chosen))
            own = own[np.argsort(place[own], kind="stable")]
            query = replace(
                tasks,
                x=x[own],
                y=tasks.y[:1].expand(len(own), *tasks.y.shape[1:]),
                task=torch.from_numpy(np.searchsorted(chosen, place[own])),
                names=tuple(tasks.names[index] for index in chosen),
            ).batch()
            episode = Episode(
                tasks.batch(chosen.tolist()), query, tasks.identity[torch.from_numpy(chosen)]
            )
            parts.append(ask(self.rung, episode, True)[query.mask > 0].numpy())
            rows.append(own)
        unknown = np.flatnonzero(place < 0)
        if len(unknown):
            x0, y0 = tasks.x[None, :1] * 0, tasks.y[None, :1] * 0
            nothing = Batch(x0, y0, tasks.x.new_zeros(1, 1), tasks.target)
            parts.append(self.of_new(nothing, x[unknown], ask))
            rows.append(unknown)
        found = np.concatenate(parts)
        result = np.empty_like(found)
        result[np.concatenate(rows)] = found
        return result


__all__ = ["Approach", "Ask", "bounds", "prediction"]
