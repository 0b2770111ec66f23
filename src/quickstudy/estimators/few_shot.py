"""A classifier of scikit-learn that meta-learns to master new classes."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, column_or_1d
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.estimators.class_episodes import episodes_of
from quickstudy.estimators.class_learner import (
    ClassLearner,
    FewShotMethod,
    default_network,
    inputs_of,
    is_table,
    learner_maker,
)
from quickstudy.estimators.known_tasks import without_column
from quickstudy.estimators.rows import (
    TaskRows,
    as_table,
    checked,
    chosen_rows,
    coded,
    column_of,
    labelled,
    labels_of,
    seed_of,
    without_task,
)
from quickstudy.learners import Learner
from quickstudy.random import ambient
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.tables.spelling import spell
from quickstudy.training.train import train_whole

ROWS_AT_ONCE = 1024


class AdaptedFewShotClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of new classes, which starts from a meta-trained learner.

    :meth:`quickstudy.FewShotClassifier.adapt` gives it. It is an ordinary estimator.

    Args:
        approach: The meta-trained learner.

    Attributes:
        classes_: The classes.
        adapted_: The state of the learner after it saw their examples.
    """

    def __init__(self, approach: ClassLearner) -> None:
        self.approach = approach

    def fit(self, X: Any, y: Any) -> "AdaptedFewShotClassifier":
        """Master the classes ``y`` ``[row]`` from the examples ``X`` ``[row, *feature]``."""
        X, y, _ = labelled(X, y)
        x = self.approach.inputs(self, X)
        self.classes_, codes = labels_of(y)
        self.adapted_ = self.approach.learner.adapt(_support(x, codes))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of every class ``[row, class]``."""
        check_is_fitted(self)
        scores = self._scores(self.approach.inputs(self, X))
        return probabilities(scores[:, : len(self.classes_)])

    def _scores(self, x: Tensor) -> Tensor:
        """Give the scores ``[row, class]`` of ``x`` ``[row, *feature]``, some rows at a time."""
        return torch.cat([self._scores_of(part) for part in x.split(ROWS_AT_ONCE)])

    def _scores_of(self, x: Tensor) -> Tensor:
        """Give the scores of so few rows that they are predicted at once."""
        return self.approach.learner.predict(self.adapted_, x.unsqueeze(0))[0]

    def predict(self, X: Any) -> np.ndarray:
        """Predict the likeliest class ``[row]``."""
        found = self.predict_proba(X)
        return self.classes_[found.argmax(1)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # in vectors
        tags.input_tags.allow_nan = True
        return tags


class FewShotClassifier(ClassifierMixin, BaseEstimator):
    """Meta-trains on episodes of classes, to master new classes from a few examples.

    :meth:`adapt` gives an ordinary classifier of new classes.

    ``X`` holds vectors ``[row, feature]`` (an array or a DataFrame), or square images ``[row,
    channel, height, width]``. With ``task``, the classes of an episode are of one task (the letters
    of one alphabet), and a class of another task is another class, even if it has the same name;
    :meth:`predict` then needs the task too. A row without a label is left out.

    Args:
        method: ``"protonet"``, ``"matching"``, ``"r2d2"`` or ``"anil"``.
        model: An embedding (for ANIL a network that ends in a linear layer); by default ``Conv4``
            for images, ``MLP`` for vectors.
        way: Classes of an episode in training, at most as many as there are.
        shot: Support examples of a class in training; fewer if classes have few.
        query: Query examples of a class in training; fewer if classes have few.
        steps: Training steps.
        tasks_per_step: Episodes a step.
        lr: Learning rate of Adam.
        random_state: The seed of weights and episodes; None is 0.

    Attributes:
        classes_: All classes.
        approach_: The meta-trained learner.
        tasks_: A classifier of its own classes for every task, by the task.

    Raises:
        UserError: If there are not two classes of two examples, or an argument is out of range.

    Example:
        >>> import numpy as np, quickstudy as qs
        >>> draw = np.random.default_rng(0)
        >>> centres, kind = draw.normal(size=(30, 8)), np.repeat(np.arange(30), 10)
        >>> x = centres[kind] + 0.3 * draw.normal(size=(300, 8))
        >>> model = qs.FewShotClassifier(steps=20).fit(x[kind < 20], kind[kind < 20])
        >>> new = model.adapt(x[200::10], kind[200::10])  # one example each of ten new classes
        >>> new.score(x[200:], kind[200:]) > 0.8
        True
    """

    def __init__(
        self,
        method: FewShotMethod = "protonet",
        model: nn.Module | None = None,
        way: int = 5,
        shot: int = 5,
        query: int = 5,
        steps: int = 500,
        tasks_per_step: int = 4,
        lr: float = 1e-3,
        random_state: Any = None,
    ) -> None:
        self.method = method
        self.model = model
        self.way = way
        self.shot = shot
        self.query = query
        self.steps = steps
        self.tasks_per_step = tasks_per_step
        self.lr = lr
        self.random_state = random_state

    def fit(self, X: Any, y: Any, task: Any = None) -> "FewShotClassifier":
        """Meta-train.

        Args:
            X: Examples ``[row, *feature]``.
            y: Classes ``[row]``.
            task: The task of every row ``[row]``, or a column of the DataFrame ``X``.
        """
        rows = TaskRows.of(X, y, task)
        self.task_column_ = column_of(task)
        x, y, encoder = self._inputs(rows.X, rows.y)
        labels = rows.labels(len(x))
        _check_lengths(x, y, labels)
        self.approach_ = ClassLearner(self._trained(x, y, labels), encoder)
        self._adapt_to_tasks(rows.X, y, labels)
        return self

    def _adapt_to_tasks(self, rows: Any, y: np.ndarray, labels: np.ndarray) -> None:
        """Master the classes of every task."""
        self.tasks_ = {}
        codes, names = coded(labels)
        for place, name in enumerate(names.tolist()):
            own = codes == place
            self.tasks_[name] = self.adapt(chosen_rows(rows, own), y[own])

    def _inputs(self, rows: Any, y: Any) -> tuple[Tensor, np.ndarray, Encoder | None]:
        """Make tensors of ``rows``, and check ``y``; vectors have an encoder."""
        encoder, y = self._encoder(rows, y) if is_table(rows) else (None, y)
        x, y = inputs_of(self, rows, encoder, fitting=True), column_or_1d(y, warn=True)
        self.classes_, _ = labels_of(y)
        return x, y, encoder

    def _encoder(self, rows: Any, y: Any) -> tuple[Encoder, Any]:
        """Fit an encoder to the vectors ``rows``, and check them and ``y``."""
        frame, y = checked(self, rows, y, fitting=True)
        return Encoder.fit(frame, tuple(frame.columns)), y

    def adapt(self, X: Any, y: Any) -> AdaptedFewShotClassifier:
        """Fit a classifier of the new classes ``y`` to the examples ``X``."""
        check_is_fitted(self, "approach_")
        rows = without_column(X, self.task_column_)
        return AdaptedFewShotClassifier(self.approach_).fit(rows, y)

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Give the probability of every class ``[row, class]``, 0 for those of other tasks."""
        check_is_fitted(self)
        rows, labels = self._divided(X, task)
        found = np.zeros((len(labels), len(self.classes_)))
        for name in dict.fromkeys(labels.tolist()):
            own = np.flatnonzero(labels == name)
            cells = np.ix_(own, self._columns_of(name))
            found[cells] = self.tasks_[name].predict_proba(chosen_rows(rows, own))
        return found

    def _columns_of(self, task: Any) -> np.ndarray:
        """Give the places of the classes of ``task`` among all ``[class]``."""
        return np.searchsorted(self.classes_, self.tasks_[task].classes_)

    def _divided(self, X: Any, task: Any) -> tuple[Any, np.ndarray]:
        """Give the checked rows without the task's column, and the task of every row."""
        rows, labels = without_task(X, self.task_column_ if task is None else task)
        if is_table(rows):
            checked(self, rows)
        rows = as_table(rows)
        return rows, self._known(labels, len(rows))

    def predict(self, X: Any, task: Any = None) -> np.ndarray:
        """Predict the likeliest class ``[row]``."""
        found = self.predict_proba(X, task)
        return self.classes_[found.argmax(1)]

    def score(self, X: Any, y: Any, task: Any = None, sample_weight: Any = None) -> float:
        """Give the part of the rows whose class is predicted."""
        return float(accuracy_score(y, self.predict(X, task), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # in vectors
        tags.input_tags.allow_nan = True
        return tags

    def _known(self, labels: np.ndarray | None, rows: int) -> np.ndarray:
        """Give the task of every row; a new task is refused."""
        if labels is None:
            return np.full(rows, self._only_task())
        found = self._as_learned(labels)
        self._check_learned(found)
        return found

    def _as_learned(self, labels: np.ndarray) -> np.ndarray:
        """Call the tasks ``labels`` ``[row]`` as they were called in ``fit``: "1" may be 1."""
        known = {spell(name): name for name in self.tasks_}
        return np.array([known.get(spell(name), name) for name in labels.tolist()], dtype=object)

    def _check_learned(self, labels: np.ndarray) -> None:
        """Raise if one of the tasks ``labels`` is new."""
        unknown = sorted(set(labels.tolist()) - set(self.tasks_))
        require(
            not unknown,
            f"Parameter `task` should hold tasks that were learned. Found {unknown[:1]}: a "
            "new one is served by adapt.",
        )

    def _only_task(self) -> Any:
        """Give the task that was learned; several are refused."""
        names = list(self.tasks_)
        require(
            len(names) == 1, f"Parameter `task` should say the tasks: {len(names)} were learned."
        )
        return names[0]

    def _trained(self, x: Tensor, y: np.ndarray, labels: np.ndarray) -> Learner:
        """Meta-train a learner on the rows ``x``, whose dtype it gets."""
        seed = seed_of(self.random_state)
        source = episodes_of(x.float(), y, labels, self.way, self.shot, self.query)
        learner = self._untrained(x, seed, source.target.scores)
        train_whole(learner, source, self.steps, self.tasks_per_step, self.lr, seed)
        return learner.to(x.dtype).eval()

    def _untrained(self, x: Tensor, seed: int, way: int) -> Learner:
        """Make a learner with its initial weights."""
        with ambient(seed, "learner"):
            model = self._model(x, seed, way)
            return learner_maker(self.method)(model)

    def _model(self, x: Tensor, seed: int, way: int) -> nn.Module:
        """Copy the user's network, or make one for inputs as ``x``."""
        if self.model is not None:
            return copy.deepcopy(self.model)
        return default_network(x, way if self.method == "anil" else None, seed)


def probabilities(scores: Tensor) -> np.ndarray:
    """Give the probabilities of classes ``[row, class]`` with ``scores``."""
    found: np.ndarray = scores.softmax(1).numpy()
    return found


def _support(x: Tensor, codes: np.ndarray) -> Batch:
    """Make the support set of one task, with a mask in the precision of ``x``."""
    support = Batch.of(x, codes)
    return replace(support, mask=support.mask.to(x.dtype))


def _check_lengths(x: Tensor, y: np.ndarray, labels: np.ndarray) -> None:
    """Raise unless there is a class and a task for every row of ``x``."""
    rows = len(x)
    require(rows == len(y), f"`X` and `y` should have the same length. Found {rows} and {len(y)}.")
    require(
        rows == len(labels),
        f"Parameter `task` should have a value for every row of X. Found {len(labels)} for {rows}.",
    )


__all__ = ["AdaptedFewShotClassifier", "FewShotClassifier"]
