"""A way of sharing that is kept with the rows that it was fitted to, for their tasks."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.ladder.answers import Answers, nothing_of
from quickstudy.ladder.climb import quiet
from quickstudy.ladder.rungs import Rung, rungs
from quickstudy.tasks import TableTasks
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import checkpoint

ROWS = "known-rows.safetensors"
"""The file of the rows, in the run's folder."""
LEARNER = "known-learner.safetensors"
"""The file of the learner, if the way has one."""
SEED = 0
"""The seed of the fit to all rows."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A rung that was fitted to the rows of known tasks, and these rows.

    A rung without a learner is fitted again when it is read: scikit-learn's models are code and are
    not stored.

    Attributes:
        rung: The way.
        rows: The rows, scaled.
    """

    rung: Rung
    rows: TableTasks

    @classmethod
    def fit(cls, rung: Rung, rows: TableTasks) -> "Kept":
        """Fit a rung to all rows."""
        with quiet():
            rung.fit(rows, SEED)
        return cls(rung, rows)

    def write(self, folder: Path) -> None:
        """Write it into the run's folder."""
        details = {"way": self.rung.name, "names": list(self.rows.names)}
        checkpoint.write(folder / ROWS, _tensors(self.rows), details)
        learner = getattr(self.rung, "learner", None)
        if learner is not None:
            checkpoint.write(folder / LEARNER, *checkpoint.pack(learner))

    @classmethod
    def read(cls, folder: Path, form: TableForm) -> "Kept":
        """Read a kept way from the run's folder.

        Raises:
            UserError: If the run keeps no such way.
        """
        rows, name = _read_rows(folder, form)
        rung = _named(name, form)
        if (folder / LEARNER).is_file():
            rung.learner = checkpoint.load(folder / LEARNER)
            return cls(rung, rows)
        return cls.fit(rung, rows)

    def answers(self, x: Tensor, place: Tensor, level: float) -> Answers:
        """Answer rows of known tasks.

        Args:
            x: Features ``[row, feature]``.
            place: The place of each row's task among ``rows`` ``[row]``.
            level: The probability that a number lies in its interval.
        """
        order = place.argsort(stable=True)
        episode = self._episode(x[order], place[order])
        return Answers.of(self.rung, episode, True, level).at(order.argsort())

    def _episode(self, x: Tensor, place: Tensor) -> Episode:
        """Make an episode of known tasks with their rows as support, in the order of the rows."""
        asked, task = place.unique(return_inverse=True)
        names = tuple(self.rows.names[index] for index in asked.tolist())
        query = replace(self.rows, x=x, y=self._unknown(len(x)), task=task, names=names)
        support = self.rows.batch(asked.tolist())
        return Episode(support, query.batch(), self.rows.identity[asked])

    def _unknown(self, count: int) -> Tensor:
        """Make targets that stand for unknown ones ``[row, ...]``."""
        return torch.zeros_like(self.rows.y[:1]).expand(count, *self.rows.y.shape[1:])

    def of_unknown(self, rung: Rung, x: Tensor, level: float) -> Answers:
        """Answer rows of a task without support rows by the model that all tasks share."""
        real = x.new_ones(1, len(x))
        query = Batch(x[None], self._unknown(len(x))[None], real, self.rows.target)
        episode = Episode(nothing_of(self.rows), query, torch.zeros(1, dtype=torch.long))
        return Answers.of(rung, episode, False, level)


def _tensors(rows: TableTasks) -> dict[str, Tensor]:
    """Give the tensors of rows by name."""
    return {"x": rows.x, "y": rows.y, "task": rows.task, "identity": rows.identity}


def _read_rows(folder: Path, form: TableForm) -> tuple[TableTasks, str]:
    """Read the rows, and the name of the way.

    Raises:
        UserError: If the run keeps no rows.
    """
    path = folder / ROWS
    message = f"Run {folder} keeps nothing for known tasks: quickstudy fit makes such a run."
    require(path.is_file(), message)
    tensors, details = checkpoint.read(path)
    names = tuple(details["names"])
    rows = TableTasks(
        **tensors, names=names, target=form.target, encoder=form.encoder, label="known tasks"
    )
    return rows, details["way"]


def _named(name: str, form: TableForm) -> Rung:
    """Give the rung of a name.

    Raises:
        UserError: If no way has this name.
    """
    found = {rung.name: rung for rung in rungs(form.target)}
    require(name in found, f"This run keeps {name!r}, which is not among the ways of now.")
    return found[name]


__all__ = ["Kept"]
