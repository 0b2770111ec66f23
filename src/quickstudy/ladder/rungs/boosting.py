"""Gradient boosting that sees the task of a row, as a category or by its mean target."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from quickstudy.episode import Episode
from quickstudy.ladder.rungs.rung import Rung
from quickstudy.ladder.rungs.task_column import TaskMeans
from quickstudy.tasks import TableTasks

Rows = NDArray[Any]
MOST_CODES = 255
"""Tasks that scikit-learn's boosting can take as categories."""
LEAVES = (4, 16)
"""The leaves of a tree, between which inner validation chooses."""
MOST_TREES = 200
HELD = 0.2
"""The part of the rows that inner validation judges on."""


@dataclass(frozen=True)
class Size:
    """How much is boosted: trees, and leaves of each."""

    trees: int
    leaves: int


class TaskBoosting(Rung):
    """Gradient boosting on the features and on the task; the abstract parent of two libraries.

    Up to 255 tasks, the task is a categorical feature. The support rows of new tasks are then added
    to the training rows as new categories, all of an episode at once, and it is fitted again; a new
    task without rows is a missing category. Beyond, the task is target-encoded without leakage
    (:class:`~quickstudy.ladder.rungs.task_column.TaskMeans`), and a new task by its support rows.
    Leaves and trees are chosen on a fifth of the training rows.
    """

    family = "plain"
    cost = 1
    most_codes = MOST_CODES

    @abstractmethod
    def boosted(self, x: Rows, y: Rows, size: Size, way: int, category: int | None) -> Any:
        """Fit to ``x`` ``[row, feature]`` and ``y`` ``[row]``: numbers, or classes if ``way``."""

    @abstractmethod
    def staged(self, model: Any, x: Rows, y: Rows, way: int) -> list[float]:
        """Give the loss of rows after every tree."""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Choose the size, and fit."""
        self.seed, self.way = seed, train.target.way or 0
        self.x, self.task = train.x.double().numpy(), train.task.numpy()
        self.y = train.y.numpy().reshape(len(train.y), -1)
        self.tasks = len(train.names)
        self.place = {own: place for place, own in enumerate(train.identity.tolist())}
        self.sizes = [self._size(column) for column in self.y.T]
        self.coded = self.tasks <= self.most_codes
        self.by_mean: list[tuple[TaskMeans, Any]] = []
        self.models = self._by_code(self.x, self.y, self.task) if self.coded else []

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict rows of known tasks, or of new ones after learning from their rows."""
        places = [self.place.get(own, -1) for own in episode.task.tolist()] if known else None
        query, of_query = _rows(episode.query.x, episode.query.mask)
        if places is not None and self.coded:
            found = self._ask(self.models, _coded(query, np.asarray(places)[of_query]))
        elif self.tasks + episode.num_tasks <= self.most_codes:
            found = self._as_new_codes(episode, query, of_query)
        else:
            found = self._by_means(episode, query, of_query)
        result = episode.query.x.new_zeros(*episode.query.mask.shape, found.shape[1])
        result[episode.query.mask > 0] = torch.from_numpy(found).to(result.dtype)
        return result

    def _as_new_codes(self, episode: Episode, query: Rows, of_query: Rows) -> Rows:
        """Fit again with the support rows as those of further categories, and predict."""
        x, task = _rows(episode.support.x, episode.support.mask)
        code = np.where(np.isin(of_query, task), of_query + self.tasks, -1)
        if not len(x):
            return self._ask(self.models, _coded(query, code))
        y = self._targets(episode)
        models = self._by_code(
            np.concatenate([self.x, x]),
            np.concatenate([self.y, y]),
            np.concatenate([self.task, task + self.tasks]),
        )
        return self._ask(models, _coded(query, code))

    def _by_means(self, episode: Episode, query: Rows, of_query: Rows) -> Rows:
        """Encode tasks by the targets of their support rows, and predict."""
        if not self.by_mean:
            self.by_mean = [
                self._mean_model(*pair) for pair in zip(self.y.T, self.sizes, strict=True)
            ]
        _, task = _rows(episode.support.x, episode.support.mask)
        y = self._targets(episode)
        parts = []
        for (means, model), column in zip(self.by_mean, y.T, strict=True):
            own = means.of(self._encoded(column), task, of_query)
            parts.append(self._answers(model, np.column_stack([query, own])))
        return np.concatenate(parts, 1)

    def _mean_model(self, column: Rows, size: Size) -> tuple[TaskMeans, Any]:
        """Learn the encoding of the tasks by one target, and boost on it."""
        targets = self._encoded(column)
        means = TaskMeans.fit(targets, self.task)
        x = np.column_stack([self.x, means.of_others(targets, self.task, self.seed)])
        return means, self.boosted(x, column, size, self.way, None)

    def _by_code(self, x: Rows, y: Rows, task: Rows) -> list[Any]:
        coded = _coded(x, task)
        columns = zip(y.T, self.sizes, strict=True)
        return [self.boosted(coded, one, size, self.way, x.shape[1]) for one, size in columns]

    def _size(self, column: Rows) -> Size:
        """Choose leaves and trees on rows that were left out."""
        held = np.random.default_rng(self.seed).random(len(column)) < HELD
        coded = self.tasks <= self.most_codes
        if coded:
            x, category = _coded(self.x, self.task), self.x.shape[1]
        else:
            targets = self._encoded(column)
            means = TaskMeans.fit(targets, self.task)
            x = np.column_stack([self.x, means.of_others(targets, self.task, self.seed)])
            category = None
        if min(held.sum(), (~held).sum()) < 10 or len(np.unique(column[~held])) < 2:
            return Size(50, LEAVES[0])
        losses: dict[Size, float] = {}
        for leaves in LEAVES:
            asked = Size(MOST_TREES, leaves)
            model = self.boosted(x[~held], column[~held], asked, self.way, category)
            stages = self.staged(model, x[held], column[held], self.way)
            best = int(np.argmin(stages))
            losses[Size(best + 1, leaves)] = stages[best]
        return min(losses, key=lambda size: losses[size])

    def _encoded(self, column: Rows) -> Rows:
        """Give numbers as one column, classes as one column each ``[row, target]``."""
        return np.eye(self.way)[column] if self.way else column[:, None]

    def _targets(self, episode: Episode) -> Rows:
        y = episode.support.y[episode.support.mask > 0].numpy()
        return y.reshape(len(y), self.y.shape[1])

    def _ask(self, models: list[Any], x: Rows) -> Rows:
        return np.concatenate([self._answers(model, x) for model in models], 1)

    def _answers(self, model: Any, x: Rows) -> Rows:
        """Give the number, or the probabilities of all classes, of every row."""
        if not len(x):
            return np.zeros((0, self.way or 1))
        if not self.way:
            return model.predict(x)[:, None]
        rows = len(self.y)
        base = np.bincount(self.y[:, 0], minlength=self.way) / rows
        found = np.zeros((len(x), self.way))
        found[:, model.classes_] = model.predict_proba(x)
        return (rows * found + base) / (rows + 1)


class HistBoosting(TaskBoosting):
    """scikit-learn's histogram gradient boosting, which sees the task."""

    name = "boosting that sees the task"

    def boosted(self, x: Rows, y: Rows, size: Size, way: int, category: int | None) -> Any:
        """Fit; the column ``category`` holds categories."""
        make = HistGradientBoostingClassifier if way else HistGradientBoostingRegressor
        model = make(
            max_iter=size.trees,
            max_leaf_nodes=size.leaves,
            min_samples_leaf=max(1, min(20, len(y) // 10)),
            categorical_features=None if category is None else [category],
            early_stopping=False,
            random_state=0,
        )
        return model.fit(x, y)

    def staged(self, model: Any, x: Rows, y: Rows, way: int) -> list[float]:
        """Give the squared error, or the log-loss, after every tree."""
        if not way:
            return [float(((found - y) ** 2).mean()) for found in model.staged_predict(x)]
        known = np.isin(y, model.classes_)
        place = np.searchsorted(model.classes_, y[known])
        rows = np.arange(len(place))
        stages = model.staged_predict_proba(x[known])
        return [float(-np.log(found[rows, place] + 1e-12).mean()) for found in stages]


def _coded(x: Rows, code: Rows) -> Rows:
    """Put the code of the task behind the features; −1 is missing."""
    return np.column_stack([x, np.where(code < 0, np.nan, code)])


def _rows(x: Tensor, mask: Tensor) -> tuple[Rows, Rows]:
    """Give the real rows ``[row, feature]``, and which task each is of ``[row]``."""
    real = mask > 0
    return x[real].double().numpy(), real.nonzero()[:, 0].numpy()


__all__ = ["HistBoosting", "Size", "TaskBoosting"]
