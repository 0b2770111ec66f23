"""The bottom of the ladder: a task is predicted from its own rows only."""

from abc import abstractmethod

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
from quickstudy.tasks import TableTasks


class AloneRung(Rung):
    """Fits a model to the support rows of every task.

    If there are too few, it is their mean, or the frequencies of the classes.

    Attributes:
        least: The rows from which a task has a model.
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
        rows = (episode.support.mask > 0).sum(1)
        found = self._without_model(episode, rows)
        able = rows >= self.least
        if bool(able.any()):
            found[able] = self._with_model(episode[able], rows[able])
        return found

    def bare(self, episode: Episode) -> float:
        """Give the part of the tasks that have fewer rows than a model needs."""
        rows = (episode.support.mask > 0).sum(1)
        return float((rows < self.least).double().mean())

    def _without_model(self, episode: Episode, rows: Tensor) -> Tensor:
        """Give each task's mean, or its smoothed frequencies, for every query."""
        support = episode.support
        if self.base is None:
            values = support.y * support.mask.unsqueeze(-1)
        else:
            values = F.one_hot(support.y, len(self.base)) * support.mask.unsqueeze(-1)
        total = values.sum(1, keepdim=True)
        count = rows.reshape(-1, 1, 1)
        if self.base is None:
            mean = total / count.clamp(min=1)
        else:
            mean = (total + self.base) / (count + 1)
        return mean.expand(-1, episode.query.x.shape[1], -1).to(episode.query.x.dtype).clone()

    @abstractmethod
    def _with_model(self, episode: Episode, rows: Tensor) -> Tensor:
        """Predict tasks that have enough ``rows`` ``[task]``."""

    def _smoothed(self, probabilities: Tensor, rows: Tensor) -> Tensor:
        """Add a row of which only the frequencies are known; see :class:`Classifier`."""
        assert self.base is not None
        count = rows.reshape(-1, 1, 1)
        return (count * probabilities + self.base) / (count + 1)


class SupportMeanRung(AloneRung):
    """Predicts the mean of a task's support rows, or the frequencies of their classes."""

    least = 2**60

    def __init__(self, name: str = "support mean") -> None:
        self.name = name

    def bare(self, episode: Episode) -> float:
        """Give 0: the mean is its model."""
        return 0.0

    def _with_model(self, episode: Episode, rows: Tensor) -> Tensor:
        raise AssertionError("the mean has no other model")


class SingleTask(AloneRung):
    """Fits a ridge or a logistic regression to every task alone, all tasks at once."""

    least = 3

    def __init__(self, name: str) -> None:
        self.name = name

    def _with_model(self, episode: Episode, rows: Tensor) -> Tensor:
        chunks = [episode[part] for part in parts(rows.tolist(), ROWS_AT_ONCE)]
        sizes = [chunk.num_tasks for chunk in chunks]
        solve = self._numbers if self.base is None else self._classes
        return torch.cat(
            [solve(chunk, own) for chunk, own in zip(chunks, rows.split(sizes), strict=True)]
        )

    def _numbers(self, episode: Episode, rows: Tensor) -> Tensor:
        support, dtype = episode.support, episode.query.x.dtype
        model = Ridges.fit(support.x.double(), support.y.double(), support.mask.double())
        return model(episode.query.x.double()).to(dtype)

    def _classes(self, episode: Episode, rows: Tensor) -> Tensor:
        support, dtype = episode.support, episode.query.x.dtype
        way = episode.query.target.scores
        problems = Problems.of(support.x.double(), support.y, support.mask.double(), way)
        model = Logistics.chosen(problems, self.seed)
        return self._smoothed(model.probabilities(episode.query.x.double()), rows).to(dtype)


class BoostedTask(AloneRung):
    """Fits gradient boosting to every task alone."""

    cost = 1
    least = 10

    def __init__(self, name: str = "single task, boosting") -> None:
        self.name = name

    def _with_model(self, episode: Episode, rows: Tensor) -> Tensor:
        found = [self._task(one.support, one.query.x[0]) for one in map_tasks(episode)]
        return torch.from_numpy(np.stack(found)).to(episode.query.x.dtype)

    def _task(self, support: Batch, new: Tensor) -> np.ndarray:
        own = support.mask[0] > 0
        x, y = support.x[0][own].numpy(), support.y[0][own].numpy()
        if self.base is not None:
            return Classifier("boosting", x, y, self.base.numpy()).probabilities(new.numpy())
        model = HistGradientBoostingRegressor(
            max_iter=50, max_leaf_nodes=4, min_samples_leaf=min(10, len(x) // 3)
        )
        return np.stack([model.fit(x, column).predict(new.numpy()) for column in y.T], 1)


def map_tasks(episode: Episode) -> list[Episode]:
    """Give an episode of every task."""
    return [episode[place : place + 1] for place in range(episode.num_tasks)]


__all__ = ["AloneRung", "BoostedTask", "SingleTask", "SupportMeanRung", "map_tasks"]
