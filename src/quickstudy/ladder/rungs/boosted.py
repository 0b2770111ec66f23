"""A learned prior whose features hold the predictions of boosting over all rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.ladder.rungs.adapting import LearnedPrior
from quickstudy.ladder.rungs.boosting import labels_in, real_rows
from quickstudy.ladder.rungs.rung import Rung
from quickstudy.ladder.rungs.task_column import Rows, sums_of
from quickstudy.targets import Numbers
from quickstudy.tasks import TableTasks

BOOSTING: dict[str, Any] = {
    "max_iter": 150,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
}
DOUBT = 8.0
"""Rows of residual 0 that are added to a task's rows before their mean is taken."""


class BoostedPrior(Rung):
    """A learned prior on the features and on two predictions of gradient boosting.

    Boosting learns from the rows of all tasks. The first prediction sees a row's features ``x``:
    ``a(x)``. The second also sees the row's task, through the task's other rows:
    ``b(x, Σ (y − a) / (n + 8), n, x̄)``. Training rows get the predictions of models that did not
    see them (cross-fitting), new rows get the mean of these models. So the curve that all tasks
    share comes from boosting, and the difference between tasks comes from the prior. This rung
    serves numbers only.

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
        folding = Folding(self.folds, self.repeats, seed)
        targets = train.y.double().numpy().T
        both = [Boosted.fit(x, target, task, folding) for target in targets]
        self.stages = [(each.first, each.second) for each in both]
        self._learn(train, both, seed)

    def _learn(self, train: TableTasks, both: Sequence["Boosted"], seed: int) -> None:
        """Learn the prior on the features and on the predictions of rows that were not seen."""
        seen = np.stack([column for each in both for column in each.seen], 1)
        grown = torch.cat([train.x, torch.from_numpy(seen).to(train.x.dtype)], 1)
        residuals = np.stack([each.residual for each in both], 1)
        self.rows = replace(train, x=grown)
        self.residuals = replace(train, y=torch.from_numpy(residuals))
        self.prior = LearnedPrior()
        self.prior.fit(self.rows, seed)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Give the mean of the posterior; support rows of a known task are its training rows."""
        return self.prior.predict(self._with_predictions(episode, known), known)

    def interval(self, episode: Episode, level: float) -> tuple[Tensor, Tensor]:
        """Give the bounds of the posterior, for tasks that are not known."""
        return self.prior.interval(self._with_predictions(episode, False), level)

    def _with_predictions(self, episode: Episode, known: bool) -> Episode:
        """Add the predictions of both boostings to the features of the rows."""
        if known:
            places = self.rows.places(episode.task)
            support = self.rows.batch(places)
            real = episode.support.mask > 0
            residuals = self.residuals.batch(places).y[real].numpy().T
        else:
            residuals = self._residuals(episode.support)
            support = self._grown_support(episode.support, residuals)
        query = self._grown_query(episode, residuals)
        return replace(episode, support=support, query=query)

    def _residuals(self, support: Batch) -> Rows:
        """Give the residuals of the first boosting on support rows ``[target, row]``."""
        x, _ = real_rows(support)
        targets = labels_in(support).astype(np.float64).T
        pairs = zip(targets, self.stages, strict=True)
        return np.stack([target - first(x) for target, (first, _) in pairs])

    def _grown_support(self, support: Batch, residuals: Rows) -> Batch:
        """Add to support rows the predictions of models that do not see their targets."""
        x, task = real_rows(support)
        columns: list[Rows] = []
        for (first, second), residual in zip(self.stages, residuals, strict=True):
            context = _own_context(TaskResiduals(x, residual, task), np.arange(len(x)))
            columns += [first(x), second(context)]
        return _grown(support, columns)

    def _grown_query(self, episode: Episode, residuals: Rows) -> Batch:
        """Add the predictions of both boostings to the queries."""
        x, task = real_rows(episode.support)
        query, of_query = real_rows(episode.query)
        columns: list[Rows] = []
        for (first, second), residual in zip(self.stages, residuals, strict=True):
            context = TaskResiduals(x, residual, task).of(query, of_query)
            columns += [first(query), second(context)]
        return _grown(episode.query, columns)


@dataclass(frozen=True)
class Folding:
    """The division of rows: the number of parts, of repeats, and the seed."""

    folds: int
    repeats: int
    seed: int

    def divisions(self, rows: int) -> Iterator[list[tuple[Rows, Rows]]]:
        """Divide ``rows``: rows to learn from and rows to judge on, for each part."""
        for repeat in range(self.repeats):
            seed = self.seed + 1000 * repeat
            folding = KFold(min(self.folds, rows), shuffle=True, random_state=seed)
            yield list(folding.split(np.zeros(rows)))


class CrossFitted:
    """Gradient boosting, fitted to all but one part of the rows for each part.

    Args:
        features: The features ``[row, feature]``, given which part ``[row]`` each row is in.
        y: Numbers to predict ``[row]``.
        folds: Parts.
        repeats: Divisions into parts.
        seed: Of the divisions.

    Attributes:
        seen: For every row the prediction of models that did not see it, averaged over the
            divisions ``[row]``.
    """

    def __init__(
        self, features: Callable[[Rows], Rows], y: Rows, folds: int, repeats: int, seed: int
    ) -> None:
        self.models: list[HistGradientBoostingRegressor] = []
        self.seen = np.zeros(len(y))
        for divisions in Folding(folds, repeats, seed).divisions(len(y)):
            x = features(_parts(divisions, len(y)))
            for learn, judge in divisions:
                self.models.append(_boosted(x[learn], y[learn]))
                self.seen[judge] += self.models[-1].predict(x[judge]) / repeats

    def __call__(self, x: Rows) -> Rows:
        """Give the mean of all models for new rows ``[row]``."""
        return np.mean([model.predict(x) for model in self.models], 0) if len(x) else np.zeros(0)


def _boosted(x: Rows, y: Rows) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(**BOOSTING).fit(x, y)


def _parts(divisions: Sequence[tuple[Rows, Rows]], rows: int) -> Rows:
    """Give the part that each row is judged in ``[row]``."""
    parts = np.zeros(rows, dtype=np.int64)
    for part, (_, judge) in enumerate(divisions):
        parts[judge] = part
    return parts


@dataclass(frozen=True)
class Boosted:
    """Both boostings of one target, and the residuals of the first on the training rows."""

    first: CrossFitted
    second: CrossFitted
    residual: Rows

    @classmethod
    def fit(cls, x: Rows, y: Rows, task: Rows, folding: Folding) -> "Boosted":
        """Cross-fit the first on the features, the second also on the context of the task."""
        folds, repeats = folding.folds, folding.repeats
        first = CrossFitted(lambda parts: x, y, folds, repeats, folding.seed)
        residual = y - first.seen
        context = partial(_own_context, TaskResiduals(x, residual, task))
        return cls(first, CrossFitted(context, y, folds, repeats, folding.seed + 1), residual)

    @property
    def seen(self) -> tuple[Rows, Rows]:
        """The predictions of training rows by models that did not see them."""
        return self.first.seen, self.second.seen


@dataclass(frozen=True)
class TaskResiduals:
    """Rows of tasks, from which the context of other rows is computed.

    Attributes:
        x: Features ``[row, feature]``.
        residual: The residuals ``[row]``.
        task: The task of each ``[row]``.
    """

    x: Rows
    residual: Rows
    task: Rows

    def of(self, new: Rows, task: Rows) -> Rows:
        """Add to the rows ``new`` the context of their tasks.

        The context is the mean residual, the number of rows and the mean features.
        """
        count = int(max(self.task.max(initial=0), task.max(initial=0))) + 1
        number = np.bincount(self.task, minlength=count)
        sums = sums_of(np.column_stack([self.residual, self.x]), self.task, count)
        means = sums[:, 1:] / np.maximum(number, 1)[:, None]
        residual = sums[:, 0] / (number + DOUBT)
        return np.column_stack([new, residual[task], number[task], means[task]])


def _own_context(rows: TaskResiduals, parts: Rows) -> Rows:
    """Add to each row the context of its task's rows that are in other parts.

    If only the row itself were left out, the rest of the task's sum would reveal its residual.
    """
    task, features = rows.task, rows.x.shape[1]
    together = task * (int(parts.max(initial=0)) + 1) + parts
    total = np.bincount(task, rows.residual)[task]
    number = np.bincount(task)[task] - np.bincount(together)[together]
    whole = rows.of(rows.x, task)
    whole[:, features] = (total - np.bincount(together, rows.residual)[together]) / (number + DOUBT)
    whole[:, features + 1] = number
    return whole


def _grown(batch: Batch, columns: list[Rows]) -> Batch:
    """Add features to the real rows of ``batch``."""
    real = batch.mask > 0
    more = batch.x.new_zeros(*batch.mask.shape, len(columns))
    more[real] = torch.from_numpy(np.stack(columns, 1)).to(batch.x.dtype)
    return replace(batch, x=torch.cat([batch.x, more], -1))


__all__ = ["BoostedPrior", "CrossFitted"]
