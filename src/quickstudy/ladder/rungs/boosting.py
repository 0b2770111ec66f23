"""Gradient boosting that sees the task of a row, as a category or by its mean target."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.ladder.rungs.rung import Rung
from quickstudy.ladder.rungs.task_column import LearnedRows, Rows, TaskFeatures
from quickstudy.tasks import TableTasks

MOST_CODES = 255
"""Tasks that scikit-learn's boosting can take as categories."""
LEAVES = (4, 16)
"""The leaves of a tree, between which inner validation chooses."""
MOST_TREES = 200
HELD = 0.2
"""The fraction of the rows that inner validation judges on."""
LEAST = 20
"""The least number of rows for an inner validation."""


@dataclass(frozen=True)
class TreeChoice:
    """The choice of inner validation.

    Attributes:
        coded: The task is a category; else it is encoded by its mean target.
        trees: Number of trees.
        leaves: Leaves of each tree.
    """

    coded: bool
    trees: int
    leaves: int


class TaskBoosting(Rung):
    """Gradient boosting on the features and on the task; the abstract parent of two libraries.

    Inner validation, on a fifth of the training rows, chooses the trees, their leaves, and how the
    task is encoded: as a categorical feature (up to 255 tasks), or by the mean of its targets
    without leakage (:class:`~quickstudy.ladder.rungs.task_column.TaskMeans`). If it is a category,
    the support rows of new tasks are added to the training rows as further categories, all of an
    episode at once, and the trees are grown again. A task without rows is a missing category. If
    it is a mean, a new task gets the mean of its support rows.
    """

    family = "plain"
    cost = 1
    most_codes = MOST_CODES

    @abstractmethod
    def boosted(self, features: TaskFeatures, choice: TreeChoice) -> Any:
        """Grow trees on the training rows of ``features``."""

    @abstractmethod
    def stages(self, model: Any, x: Rows) -> Iterator[Rows]:
        """Predict rows by the first tree, by the first two, and so on."""

    def fit(self, train: TableTasks, seed: int) -> None:
        """Choose by inner validation, and grow the trees of every target."""
        self.place = {own: place for place, own in enumerate(train.identity.tolist())}
        self.way = train.target.way or 0
        x, y = train.x.double().numpy(), train.y.numpy()
        rows = self._by_target(x, y, train.task.numpy())
        self.each = [OneTarget(self, own, len(train.names), seed) for own in rows]

    def predict(self, episode: Episode, known: bool) -> Tensor:
        """Predict rows of known tasks, or of new ones after learning from their rows."""
        found = self._of_known(episode) if known else self._of_new(episode)
        answers = torch.from_numpy(np.concatenate(found, 1)).to(episode.query.x.dtype)
        result = answers.new_zeros(*episode.query.mask.shape, answers.shape[1])
        result[episode.query.mask > 0] = answers
        return result

    def _of_known(self, episode: Episode) -> list[Rows]:
        """Predict rows of known tasks by every target's trees."""
        query, task = real_rows(episode.query)
        place = np.array([self.place[own] for own in episode.task.tolist()], dtype=np.int64)
        return [own.known(query, place[task]) for own in self.each]

    def _of_new(self, episode: Episode) -> list[Rows]:
        """Predict rows of new tasks by every target's trees."""
        query, task = real_rows(episode.query)
        pairs = zip(self.each, self._support(episode), strict=True)
        return [own.new(rows, query, task, episode.num_tasks) for own, rows in pairs]

    def _support(self, episode: Episode) -> list[LearnedRows]:
        """Give the support rows for every target."""
        x, task = real_rows(episode.support)
        return self._by_target(x, labels_in(episode.support), task)

    def _by_target(self, x: Rows, y: Rows, task: Rows) -> list[LearnedRows]:
        """Give the rows with each of their targets."""
        columns = y.reshape(len(y), -1).T if len(y) else np.zeros((len(self.each), 0), y.dtype)
        return [LearnedRows(x, column, task, self.way) for column in columns]


class OneTarget:
    """The trees of one target.

    Args:
        library: The rung that grows them.
        rows: The training rows.
        tasks: The number of training tasks.
        seed: The seed of inner validation.
    """

    def __init__(self, library: TaskBoosting, rows: LearnedRows, tasks: int, seed: int) -> None:
        self.library, self.rows = library, rows
        self.tasks, self.seed = tasks, seed
        self.choice = _chosen(library, rows, tasks <= library.most_codes, seed)
        self.features = TaskFeatures.of(rows, self.choice.coded, seed)
        self.model = library.boosted(self.features, self.choice)
        self._by_mean: tuple[TaskFeatures, Any] | None = None

    def known(self, x: Rows, task: Rows) -> Rows:
        """Predict rows of training tasks."""
        return self._answers(self.model, self.features.asked(x, task))

    def new(self, support: LearnedRows, x: Rows, task: Rows, count: int) -> Rows:
        """Predict rows of ``count`` new tasks, given their support rows."""
        if not self.choice.coded or self.tasks + count > self.library.most_codes:
            features, model = self._mean_model()
            return self._answers(model, features.of_others(support, x, task))
        code = np.where(np.isin(task, support.task), task + self.tasks, -1)
        return self._answers(self._with(support), self.features.asked(x, code))

    def _with(self, support: LearnedRows) -> Any:
        """Grow the trees again, with the support rows as rows of further categories."""
        if not len(support.x):
            return self.model
        rows = self.rows.also(support.x, support.y, support.task + self.tasks)
        return self.library.boosted(TaskFeatures.of(rows, True, self.seed), self.choice)

    def _mean_model(self) -> tuple[TaskFeatures, Any]:
        """Give the trees that see the task by its mean; they are grown at the first call."""
        if not self.choice.coded:
            return self.features, self.model
        if self._by_mean is None:
            features = TaskFeatures.of(self.rows, False, self.seed)
            self._by_mean = features, self.library.boosted(features, self.choice)
        return self._by_mean

    def _answers(self, model: Any, x: Rows) -> Rows:
        """Give the number, or the probabilities of all classes, of every row."""
        if not len(x):
            return np.zeros((0, self.rows.way or 1))
        return self._probabilities(model, x) if self.rows.way else model.predict(x)[:, None]

    def _probabilities(self, model: Any, x: Rows) -> Rows:
        """Give the probabilities as if one more row had been seen.

        The class of that row is drawn from the frequencies of the classes.
        """
        rows = len(self.rows.y)
        found = np.zeros((len(x), self.rows.way))
        found[:, model.classes_] = model.predict_proba(x)
        return (rows * found + self.rows.targets.mean(0)) / (rows + 1)


def _chosen(library: TaskBoosting, rows: LearnedRows, codes: bool, seed: int) -> TreeChoice:
    """Choose on rows that are left out."""
    held = np.random.default_rng(seed).random(len(rows.y)) < HELD
    trial = _Trial(library, rows.only(~held), rows.only(held), seed)
    if not trial.possible:
        return TreeChoice(codes, 50, LEAVES[0])
    losses = dict(trial.losses(codes))
    return min(losses, key=lambda choice: losses[choice])


@dataclass(frozen=True)
class _Trial:
    """Rows to grow trees on, and rows to judge them by."""

    library: TaskBoosting
    learned: LearnedRows
    judged: LearnedRows
    seed: int

    @property
    def possible(self) -> bool:
        """Whether there are enough rows, and at least two classes or values."""
        judged = len(self.judged.y)
        return len(self.learned.y) + judged >= LEAST and judged > 0 and self._varies

    @property
    def _varies(self) -> bool:
        return len(np.unique(self.learned.y)) > 1

    def losses(self, codes: bool) -> Iterator[tuple[TreeChoice, float]]:
        """Give the best number of trees for each form of the task and size, and its loss."""
        for coded in (True, False) if codes else (False,):
            features = TaskFeatures.of(self.learned, coded, self.seed)
            for leaves in LEAVES:
                stages = self._stages(features, TreeChoice(coded, MOST_TREES, leaves))
                best = int(np.argmin(stages))
                yield TreeChoice(coded, best + 1, leaves), stages[best]

    def _stages(self, features: TaskFeatures, choice: TreeChoice) -> list[float]:
        """Give the loss after every tree."""
        model = self.library.boosted(features, choice)
        stages = self.library.stages(model, features.asked(self.judged.x, self.judged.task))
        loss = self._log_loss if self.judged.way else self._squares
        return [loss(model, found) for found in stages]

    def _squares(self, model: Any, found: Rows) -> float:
        return float(((found - self.judged.y) ** 2).mean())

    def _log_loss(self, model: Any, found: Rows) -> float:
        """Give the log-loss of the rows whose class was learned."""
        known = np.isin(self.judged.y, model.classes_)
        place = np.searchsorted(model.classes_, self.judged.y[known])
        of_label = found[known][np.arange(len(place)), place]
        return float(-np.log(of_label + 1e-12).mean()) if len(place) else 0.0


class HistBoosting(TaskBoosting):
    """Histogram gradient boosting of scikit-learn, which sees the task."""

    name = "boosting that sees the task"

    def boosted(self, features: TaskFeatures, choice: TreeChoice) -> Any:
        """Grow the trees."""
        rows, category = features.rows, features.category
        make = HistGradientBoostingClassifier if rows.way else HistGradientBoostingRegressor
        model = make(
            max_iter=choice.trees,
            max_leaf_nodes=choice.leaves,
            min_samples_leaf=max(1, min(20, len(rows.y) // 10)),
            categorical_features=None if category is None else [category],
            early_stopping=False,
            random_state=0,
        )
        return model.fit(features.x, rows.y)

    def stages(self, model: Any, x: Rows) -> Iterator[Rows]:
        """Predict after every tree."""
        staged = getattr(model, "staged_predict_proba", model.staged_predict)
        return iter(staged(x))


def real_rows(batch: Batch) -> tuple[Rows, Rows]:
    """Give the real rows ``[row, feature]``, and the task of each ``[row]``."""
    real = batch.mask > 0
    return batch.x[real].double().numpy(), real.nonzero()[:, 0].numpy()


def labels_in(batch: Batch) -> Rows:
    """Give the targets of the real rows ``[row, ...]``."""
    return batch.y[batch.mask > 0].numpy()


__all__ = ["HistBoosting", "OneTarget", "TaskBoosting", "TreeChoice", "labels_in", "real_rows"]
