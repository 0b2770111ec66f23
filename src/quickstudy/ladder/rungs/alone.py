"""What a task's own rows say, with nothing of the others: the bottom of the ladder."""

from typing import Literal

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.classifier import Classifier
from quickstudy.ladder.rungs.rung import PENALTIES, Rung
from quickstudy.tasks import TableTasks

LEAST = {"mean": 10**9, "linear": 3, "boosting": 10}
"""Rows from which a task has a model of its own, and not its mean."""

Model = Literal["mean", "linear", "boosting"]


class AloneRung(Rung):
    """A model for every task, from its support rows; the mean, or the frequencies of the classes, where there are too few."""

    model: Model
    base: np.ndarray | None = None

    def fit(self, train: TableTasks, seed: int) -> None:
        """Only how frequent the classes are is known of the training tasks, as their mean is in regression."""
        if train.target.way:
            self.base = np.bincount(train.y.numpy(), minlength=train.target.way) / len(train.y)

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """By the task's model."""
        found = [self._task(episode, task) for task in range(episode.num_tasks)]
        return torch.from_numpy(np.stack(found)).to(episode.query.x.dtype)

    def _task(self, episode: Episode, task: int) -> np.ndarray:
        own = episode.support.mask[task] > 0
        x, y, new = (
            values.numpy()
            for values in (
                episode.support.x[task][own],
                episode.support.y[task][own],
                episode.query.x[task],
            )
        )
        few = len(x) < LEAST[self.model]
        if self.base is not None:
            make = "frequencies" if few else self.model
            return Classifier(make, x, y, self.base).probabilities(new)
        if few:
            return np.tile(y.mean(0) if len(y) else np.zeros(y.shape[1]), (len(new), 1))
        return np.stack([self._regressor(len(x)).fit(x, column).predict(new) for column in y.T], 1)

    def _regressor(self, rows: int) -> "RidgeCV | HistGradientBoostingRegressor":
        if self.model == "linear":
            return RidgeCV(PENALTIES)
        return HistGradientBoostingRegressor(
            max_iter=50, max_leaf_nodes=4, min_samples_leaf=min(10, rows // 3)
        )


class SupportMeanRung(AloneRung):
    """The mean of a task's support rows; of classes, how frequent they are among them."""

    model = "mean"

    def __init__(self, name: str = "support mean") -> None:
        self.name = name


class SingleTask(AloneRung):
    """A model of scikit-learn for every task alone: a linear one (ridge or logistic regression), or gradient boosting."""

    def __init__(self, name: str, model: Model) -> None:
        self.name, self.model = name, model


__all__ = ["AloneRung", "SingleTask", "SupportMeanRung"]
