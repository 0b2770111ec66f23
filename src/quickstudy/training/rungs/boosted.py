"""A learned prior whose features hold what boosting over all rows has learned."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.tasks import TableTasks
from quickstudy.training.rungs.adapting import LearnedPrior
from quickstudy.training.rungs.rung import Rung

Rows = NDArray[np.float64]
DOUBT = 8.0
"""Rows of residual 0 that are added to a task's own before their mean is taken."""


class BoostedPrior(Rung):
    """A learned prior on the features and on two predictions of gradient boosting over the rows of all tasks.

    The first sees a row's features ``x``: ``a(x)``. The second also sees the row's task, by what its other rows are like:
    ``b(x, Σ (y − a) / (n + 8), n, x̄)``. Training rows have the predictions of models that did not see them (cross-fitting), new rows
    the mean of these models. So the curved part that all tasks have in common comes from boosting, and what is a task's own from the prior.
    For numbers alone.

    Args:
        folds: Parts of the rows, each predicted from the others.
        repeats: Divisions into parts, whose predictions are averaged.

    Source: stacked generalisation (Wolpert 1992) under the prior of :class:`LearnedPrior`.
    """

    name = "learned prior on boosting"

    def __init__(self, folds: int = 10, repeats: int = 2) -> None:
        self.folds, self.repeats = folds, repeats

    def fit(self, train: TableTasks, seed: int) -> None:
        """Cross-fit both boostings, then learn the prior."""
        require(train.kind.name == "regression", f"{self.name} is for targets that are numbers. Found {train.kind.name}.")
        self.train, x, task = train, train.x.double().numpy(), train.task.numpy()
        self.stages: list[tuple[CrossFitted, CrossFitted]] = []
        for target in train.y.double().numpy().T:
            first = CrossFitted(x, target, self.folds, self.repeats, seed)
            context = _context(x, target - first.seen, task, x, task, own=True)
            second = CrossFitted(context, target, self.folds, self.repeats, seed + 1)
            self.stages.append((first, second))
        seen = np.stack([stage.seen for pair in self.stages for stage in pair], 1)
        self.rows = replace(train, x=torch.cat([train.x, torch.from_numpy(seen).to(train.x.dtype)], 1))
        self.prior = LearnedPrior()
        self.prior.fit(self.rows, seed)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """The mean of the posterior; the support rows of a known task are its training rows."""
        support, query = self._with_predictions(episode)
        if known:
            place = {int(identity): index for index, identity in enumerate(self.rows.identity)}
            support = self.rows.batch([place[int(identity)] for identity in episode.task])
        return self.prior.predict(Episode(support, query, episode.task), known)

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """Those of the posterior, for tasks that are not known."""
        support, query = self._with_predictions(episode)
        return self.prior.interval(Episode(support, query, episode.task), level)

    def _with_predictions(self, episode: Episode) -> tuple[Batch, Batch]:
        """Support and query rows with the predictions of both boostings among their features."""
        parts = (episode.support, episode.query)
        real = [part.mask > 0 for part in parts]
        x, query = (part.x[own].double().numpy() for part, own in zip(parts, real, strict=True))
        of_x, of_query = (own.nonzero()[:, 0].numpy() for own in real)
        columns: tuple[list[Rows], list[Rows]] = [], []
        for (first, second), target in zip(self.stages, episode.support.y[real[0]].double().numpy().T, strict=True):
            residual = target - first(x)
            columns[0].extend([first(x), second(_context(x, residual, of_x, x, of_x, own=True))])
            columns[1].extend([first(query), second(_context(x, residual, of_x, query, of_query, own=False))])
        grown = []
        for part, own, found in zip(parts, real, columns, strict=True):
            more = part.x.new_zeros(*part.mask.shape, len(found))
            more[own] = torch.from_numpy(np.stack(found, 1)).to(part.x.dtype)
            grown.append(Batch(torch.cat([part.x, more], -1), part.y, part.mask))
        return grown[0], grown[1]


class CrossFitted:
    """Gradient boosting, fitted to all but one part of the rows for each part.

    Attributes:
        seen: For every row what models say that did not see it, averaged over the divisions ``[row]``.
    """

    def __init__(self, x: Rows, y: Rows, folds: int, repeats: int, seed: int) -> None:
        self.models, self.seen = [], np.zeros(len(y))
        for repeat in range(repeats):
            for learn, judge in KFold(min(folds, len(y)), shuffle=True, random_state=seed + 1000 * repeat).split(x):
                model = HistGradientBoostingRegressor(
                    max_iter=150, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=20, l2_regularization=5.0
                ).fit(x[learn], y[learn])
                self.models.append(model)
                self.seen[judge] += model.predict(x[judge]) / repeats

    def __call__(self, x: Rows) -> Rows:
        """The mean of all models for new rows ``[row]``."""
        return np.mean([model.predict(x) for model in self.models], 0) if len(x) else np.zeros(0)


def _context(x: Rows, residual: Rows, task: Rows, new: Rows, new_task: Rows, own: bool) -> Rows:
    """Rows ``new`` with what the rows ``x`` of their tasks are like: mean residual, number, mean features; without itself where ``own``."""
    count = int(max(task.max(initial=0), new_task.max(initial=0))) + 1
    number = np.bincount(task, minlength=count).astype(float)
    total = np.bincount(task, residual, count)[new_task] - (residual if own else 0.0)
    rows = number[new_task] - float(own)
    sums = np.stack([np.bincount(task, column, count) for column in x.T], 1)
    means = sums / np.maximum(number, 1)[:, None]
    return np.column_stack([new, total / (rows + DOUBT), rows, means[new_task]])


__all__ = ["BoostedPrior", "CrossFitted"]
