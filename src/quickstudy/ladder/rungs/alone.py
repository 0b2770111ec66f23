"""The bottom of the ladder: a task is predicted from its rows only."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.ensemble import HistGradientBoostingRegressor
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.ladder.rungs.classifier import Classifier
from quickstudy.ladder.rungs.logistics import Logistics, Problems, parts
from quickstudy.ladder.rungs.ridges import Ridges
from quickstudy.ladder.rungs.rung import ROWS_AT_ONCE, Rung
from quickstudy.ladder.rungs.task_column import Rows
from quickstudy.tasks import TableTasks

SMALL: dict[str, Any] = {"max_iter": 50, "max_leaf_nodes": 4}
"""The settings of boosting for the few rows of a task."""


class AloneRung(Rung):
    """Fits a model to the support rows of every task.

    If a task has too few rows, its model is their mean, or the frequencies of the classes.

    Attributes:
        least: The least number of rows for a model.
        base: The frequencies of the classes of all training tasks ``[class]``.
    """

    family = "alone"
    cost = 0
    least: int
    base: Tensor | None = None

    def fit(self, train: TableTasks, seed: int) -> None:
        """Count the classes of the training tasks; nothing else is shared."""
        self.seed = seed
        if train.target.way:
            counts = train.y.bincount(minlength=train.target.way)
            self.base = counts.to(train.x.dtype) / len(train.y)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict by the task's model."""
        found = self._without_model(episode)
        able = rows_in(episode) >= self.least
        if bool(able.any()):
            found[able] = self._with_model(episode[able])
        return found

    def bare(self, episode: Episode) -> float:
        """Give the fraction of the tasks that have fewer rows than a model needs."""
        return float((rows_in(episode) < self.least).double().mean())

    def _without_model(self, episode: Episode) -> Tensor:
        """Give each task's mean, or its smoothed frequencies, for every query."""
        total, x = self._total(episode.support), episode.query.x
        count = rows_in(episode).reshape(-1, 1, 1)
        mean = total / count.clamp(min=1) if self.base is None else self._smoothed(total, count)
        return mean.expand(-1, x.shape[1], -1).to(x.dtype).clone()

    def _smoothed(self, counts: Tensor, rows: Tensor) -> Tensor:
        """Give frequencies as if one more row, drawn from the base frequencies, had been seen."""
        assert self.base is not None
        return (counts + self.base) / (rows + 1)

    def _total(self, support: Batch) -> Tensor:
        """Sum the targets, or count the classes ``[task, 1, target]``."""
        y = support.y if self.base is None else F.one_hot(support.y, len(self.base))
        return (y * support.mask.unsqueeze(-1)).sum(1, keepdim=True)

    @abstractmethod
    def _with_model(self, episode: Episode) -> Tensor:
        """Predict tasks that have enough rows."""


class SupportMeanRung(AloneRung):
    """Predicts the mean of a task's support rows, or the frequencies of their classes."""

    least = 2**60

    def __init__(self, name: str = "support mean") -> None:
        self.name = name

    def bare(self, episode: Episode) -> float:
        """Give 0, because the mean is its model."""
        return 0.0

    def _with_model(self, episode: Episode) -> Tensor:
        raise AssertionError("the mean has no other model")


class SingleTask(AloneRung):
    """Fits a ridge or a logistic regression to every task separately, all tasks at once."""

    least = 3

    def __init__(self, name: str) -> None:
        self.name = name

    def _with_model(self, episode: Episode) -> Tensor:
        solve = self._numbers if self.base is None else self._classes
        chunks = parts(rows_in(episode).tolist(), ROWS_AT_ONCE)
        return torch.cat([solve(episode[part]) for part in chunks]).to(episode.query.x.dtype)

    def _numbers(self, episode: Episode) -> Tensor:
        support = episode.support.each(torch.Tensor.double)
        return Ridges.fit(support.x, support.y, support.mask)(episode.query.x.double())

    def _classes(self, episode: Episode) -> Tensor:
        support, way = episode.support, episode.query.target.scores
        problems = Problems.of(support.x.double(), support.y, support.mask.double(), way)
        model = Logistics.chosen(problems, self.seed)
        count = rows_in(episode).reshape(-1, 1, 1)
        return self._smoothed(count * model.probabilities(episode.query.x.double()), count)


class BoostedTask(AloneRung):
    """Fits gradient boosting to every task separately."""

    cost = 2
    least = 10

    def __init__(self, name: str = "single task, boosting") -> None:
        self.name = name

    def _with_model(self, episode: Episode) -> Tensor:
        tasks = (episode[place : place + 1] for place in range(episode.num_tasks))
        found = [self._task(one.support, one.query.x[0].numpy()) for one in tasks]
        return torch.from_numpy(np.stack(found)).to(episode.query.x.dtype)

    def _task(self, support: Batch, new: Rows) -> Rows:
        """Predict the rows ``new`` ``[row, feature]`` of one task."""
        own = support.mask[0] > 0
        x, y = support.x[0][own].numpy(), support.y[0][own].numpy()
        if self.base is not None:
            return Classifier("boosting", x, y, self.base.numpy()).probabilities(new)
        model = HistGradientBoostingRegressor(**SMALL, min_samples_leaf=min(10, len(x) // 3))
        return np.stack([model.fit(x, column).predict(new) for column in y.T], 1)


def rows_in(episode: Episode) -> Tensor:
    """Count the support rows of every task ``[task]``."""
    return (episode.support.mask > 0).sum(1)


__all__ = ["AloneRung", "BoostedTask", "SingleTask", "SupportMeanRung", "rows_in"]
