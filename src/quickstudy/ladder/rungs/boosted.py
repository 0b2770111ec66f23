"""A learned prior whose features hold what boosting over all rows has learned."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.ladder.rungs.adapting import LearnedPrior
from quickstudy.ladder.rungs.rung import Rung
from quickstudy.targets import Numbers
from quickstudy.tasks import TableTasks

Rows = NDArray[Any]
DOUBT = 8.0
"""Rows of residual 0 that are added to a task's own before their mean is taken."""


class BoostedPrior(Rung):
    """A learned prior on the features and on two predictions of gradient boosting over the rows of
    all tasks.

    The first sees a row's features ``x``: ``a(x)``. The second also sees the row's task, by what
    its other rows are like: ``b(x, Σ (y − a) / (n + 8), n, x̄)``. Training rows have the
    predictions of models that did not see them (cross-fitting), new rows the mean of these models.
    So the curved part that all tasks have in common comes from boosting, and what is a task's own
    from the prior. For numbers alone.

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
        require(
            isinstance(train.target, Numbers),
            f"{self.name} is for targets that are numbers. Found {train.target}.",
        )
        x, task = train.x.double().numpy(), train.task.numpy()
        self.stages: list[tuple[CrossFitted, CrossFitted]] = []
        seen: list[Rows] = []
        residuals: list[Rows] = []
        for target in train.y.double().numpy().T:
            first = CrossFitted(lambda parts: x, target, self.folds, self.repeats, seed)
            residual = target - first.seen
            second = CrossFitted(
                partial(_own_context, x, residual, task), target, self.folds, self.repeats, seed + 1
            )
            self.stages.append((first, second))
            seen, residuals = [*seen, first.seen, second.seen], [*residuals, residual]
        grown = torch.cat([train.x, torch.from_numpy(np.stack(seen, 1)).to(train.x.dtype)], 1)
        self.rows, self.residuals = (
            replace(train, x=grown),
            replace(train, y=torch.from_numpy(np.stack(residuals, 1))),
        )
        self.prior = LearnedPrior()
        self.prior.fit(self.rows, seed)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """The mean of the posterior; the support rows of a known task are its training rows."""
        return self.prior.predict(self._with_predictions(episode, known), known)

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """Those of the posterior, for tasks that are not known."""
        return self.prior.interval(self._with_predictions(episode, False), level)

    def _with_predictions(self, episode: Episode, known: bool) -> Episode:
        """The rows with what both boostings say of them among their features."""
        parts = (episode.support, episode.query)
        real = [part.mask > 0 for part in parts]
        x, query = (part.x[own].double().numpy() for part, own in zip(parts, real, strict=True))
        of_x, of_query = (own.nonzero()[:, 0].numpy() for own in real)
        if known:
            places = self.rows.places(episode.task)
            residuals = self.residuals.batch(places).y[real[0]].numpy().T
        else:
            targets = episode.support.y[real[0]].double().numpy().T
            residuals = np.stack(
                [target - first(x) for target, (first, _) in zip(targets, self.stages, strict=True)]
            )
        of_support: list[Rows] = []
        of_queries: list[Rows] = []
        for (first, second), residual in zip(self.stages, residuals, strict=True):
            of_queries += [first(query), second(_context(x, residual, of_x, query, of_query))]
            if not known:
                of_support += [first(x), second(_own_context(x, residual, of_x, np.arange(len(x))))]
        support = self.rows.batch(places) if known else _grown(episode.support, real[0], of_support)
        grown = _grown(episode.query, real[1], of_queries)
        return replace(episode, support=support, query=grown)


class CrossFitted:
    """Gradient boosting, fitted to all but one part of the rows for each part.

    Args:
        features: The features ``[row, feature]``, given which part ``[row]`` each row is in.
        y: What to predict ``[row]``.
        folds: Parts.
        repeats: Divisions into parts.
        seed: Of the divisions.

    Attributes:
        seen: For every row what models say that did not see it, averaged over the divisions
            ``[row]``.
    """

    def __init__(
        self, features: Callable[[Rows], Rows], y: Rows, folds: int, repeats: int, seed: int
    ) -> None:
        self.models, self.seen = [], np.zeros(len(y))
        for repeat in range(repeats):
            divisions = list(
                KFold(min(folds, len(y)), shuffle=True, random_state=seed + 1000 * repeat).split(y)
            )
            parts = np.zeros(len(y), dtype=np.int64)
            for part, (_, judge) in enumerate(divisions):
                parts[judge] = part
            x = features(parts)
            for learn, judge in divisions:
                model = HistGradientBoostingRegressor(
                    max_iter=150,
                    learning_rate=0.05,
                    max_leaf_nodes=8,
                    min_samples_leaf=20,
                    l2_regularization=5.0,
                ).fit(x[learn], y[learn])
                self.models.append(model)
                self.seen[judge] += model.predict(x[judge]) / repeats

    def __call__(self, x: Rows) -> Rows:
        """The mean of all models for new rows ``[row]``."""
        return np.mean([model.predict(x) for model in self.models], 0) if len(x) else np.zeros(0)


def _context(x: Rows, residual: Rows, task: Rows, new: Rows, new_task: Rows) -> Rows:
    """Rows ``new`` with what the rows ``x`` of their tasks are like: mean residual, number, mean features."""
    count = int(max(task.max(initial=0), new_task.max(initial=0))) + 1
    number = np.bincount(task, minlength=count)
    sums = np.stack([np.bincount(task, column, count) for column in (residual, *x.T)], 1)
    means = sums[:, 1:] / np.maximum(number, 1)[:, None]
    return np.column_stack(
        [new, (sums[:, 0] / (number + DOUBT))[new_task], number[new_task], means[new_task]]
    )


def _own_context(x: Rows, residual: Rows, task: Rows, parts: Rows) -> Rows:
    """:func:`_context` of the rows ``x`` themselves, each by the rows of its task that are in other
    parts.

    Without the row alone, what is left of the task's sum would tell the row's own residual.
    """
    together = task * (int(parts.max(initial=0)) + 1) + parts
    number, total = (np.bincount(task, weights) for weights in (None, residual))
    mine = [np.bincount(together, weights)[together] for weights in (None, residual)]
    rows = number[task] - mine[0]
    whole = _context(x, residual, task, x, task)
    whole[:, x.shape[1]], whole[:, x.shape[1] + 1] = (total[task] - mine[1]) / (rows + DOUBT), rows
    return whole


def _grown(batch: Batch, real: Tensor, columns: list[Rows]) -> Batch:
    """``batch`` with more features of its ``real`` rows."""
    more = batch.x.new_zeros(*batch.mask.shape, len(columns))
    more[real] = torch.from_numpy(np.stack(columns, 1)).to(batch.x.dtype)
    return replace(batch, x=torch.cat([batch.x, more], -1))


__all__ = ["BoostedPrior", "CrossFitted"]
