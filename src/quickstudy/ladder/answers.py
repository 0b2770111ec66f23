"""Answers of a way to rows of tasks, in the form in which people read them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError
from quickstudy.ladder.rungs import Rung
from quickstudy.tasks import TableTasks
from quickstudy.tasks.table_form import TableForm


@dataclass(frozen=True)
class Answers:
    """Answers to some rows.

    Attributes:
        scores: Scaled numbers, and logarithms of the probabilities of classes ``[row, score]``.
        low: The lower ends of intervals of numbers, scaled; NaN without an interval
            ``[row, target]``.
        high: The upper ends.
    """

    scores: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, rung: Rung, episode: Episode, known: bool, level: float) -> "Answers":
        """Ask a rung about the queries of an episode, one task after the other.

        Args:
            rung: The way.
            episode: The tasks.
            known: The tasks are the training tasks.
            level: The probability that a number lies in its interval.
        """
        real = episode.query.mask > 0
        found = rung.predict(episode, known)[real]
        try:
            bounds = rung.interval(episode, level)
        except UserError:
            # this way has none
            return cls(found, found * torch.nan, found * torch.nan)
        return cls(found, *(bound[real] for bound in bounds))

    @classmethod
    def joined(cls, parts: Sequence["Answers"]) -> "Answers":
        """Put answers one after the other; intervals only if all parts have them."""
        return cls(
            torch.cat([part.scores for part in parts]),
            _trimmed([part.low for part in parts]),
            _trimmed([part.high for part in parts]),
        )

    def at(self, rows: Tensor) -> "Answers":
        """Give the answers to the ``rows``, in their order."""
        return Answers(self.scores[rows], self.low[rows], self.high[rows])

    def as_scores(self, form: TableForm) -> "Answers":
        """Replace probabilities by their logarithms."""
        parts = []
        for part, names in zip(self._parts(form), form.by_target.values(), strict=True):
            parts.append(part.clamp(min=1e-30).log() if names else part)
        return Answers(torch.cat(parts, -1), self.low, self.high)

    def _parts(self, form: TableForm) -> tuple[Tensor, ...]:
        return self.scores.split(form.widths, -1)


def _trimmed(parts: Sequence[Tensor]) -> Tensor:
    """Join bounds, with the columns that all of them have."""
    width = min(part.shape[1] for part in parts)
    return torch.cat([part[:, :width] for part in parts])


def nothing_of(tasks: TableTasks) -> Batch:
    """Make the support set of a task without rows."""
    return tasks.batch([0]).each(_a_zero)


def _a_zero(values: Tensor) -> Tensor:
    """Give zeros in the shape of the first example of the first task."""
    return torch.zeros_like(values[:1, :1])


__all__ = ["Answers", "nothing_of"]
