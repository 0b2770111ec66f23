"""A classifier of scikit-learn that meta-learns to master new classes."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
from torch import nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.estimators.class_episodes import episodes_of
from quickstudy.estimators.rows import (
    checked,
    coded,
    holds,
    labelled,
    labels_of,
    refuse_several,
    seed_of,
    without_task,
)
from quickstudy.learners import ANIL, R2D2, Learner, MatchingNet, ProtoNet
from quickstudy.models import MLP, Conv4
from quickstudy.random import ambient
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.tables.spelling import spell
from quickstudy.training.train import train_whole

FewShotMethod = Literal["protonet", "matching", "r2d2", "anil"]
ROWS_AT_ONCE = 1024


class ClassLearner:
    """A meta-trained learner, and the encoder that makes its inputs of rows.

    Attributes:
        learner: Serves any number of classes.
        encoder: Turns columns into features; None for images.
    """

    def __init__(self, learner: Learner, encoder: Encoder | None) -> None:
        self.learner, self.encoder = learner, encoder

    def inputs(self, estimator: BaseEstimator, X: Any) -> torch.Tensor:
        """Check and encode ``X`` ``[row, *feature]``, see :func:`inputs_of`."""
        return inputs_of(estimator, X, self.encoder)


class AdaptedFewShotClassifier(ClassifierMixin, BaseEstimator):
    """A classifier of new classes, as :meth:`quickstudy.FewShotClassifier.adapt` gives it.

    It is an ordinary estimator.

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
        support = Batch.of(x, codes)
        support = replace(support, mask=support.mask.to(x.dtype))
        self.adapted_ = self.approach.learner.adapt(support)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of every class ``[row, class]``."""
        check_is_fitted(self)
        parts = self.approach.inputs(self, X).split(ROWS_AT_ONCE)
        learner = self.approach.learner
        scores = torch.cat([learner.predict(self.adapted_, part[None])[0] for part in parts])
        found: np.ndarray = scores[:, : len(self.classes_)].softmax(1).numpy()
        return found

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
    """Meta-trains on episodes of classes, so that :meth:`adapt` masters new ones from few examples.

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
        rows, labels = without_task(X, task)
        rows, y, labels = labelled(rows, y, labels)
        self.task_column_ = task if isinstance(task, str | int) else None
        encoder = None
        if _vectors(rows):
            frame, y = checked(self, rows, y, fitting=True)
            encoder = Encoder.fit(frame, tuple(frame.columns))
        x, y = inputs_of(self, rows, encoder, fitting=True), column_or_1d(y, warn=True)
        self.classes_, _ = labels_of(y)
        require(
            len(x) == len(y),
            f"`X` and `y` should have the same length. Found {len(x)} and {len(y)}.",
        )
        labels = np.zeros(len(x), dtype=np.int64) if labels is None else labels
        require(
            len(labels) == len(x),
            f"Parameter `task` should have a value for every row of X. Found {len(labels)} "
            f"for {len(x)}.",
        )
        self.approach_ = ClassLearner(self._trained(x, y, labels), encoder)
        codes, names = coded(labels)
        self.tasks_ = {
            name: self.adapt(_rows(rows, codes == place), y[codes == place])
            for place, name in enumerate(names.tolist())
        }
        return self

    def adapt(self, X: Any, y: Any) -> AdaptedFewShotClassifier:
        """Fit a classifier of the new classes ``y`` to the examples ``X``."""
        check_is_fitted(self, "approach_")
        rows = X
        if holds(X, self.task_column_):
            refuse_several(X[self.task_column_], self.task_column_)
            rows = X.drop(columns=self.task_column_)
        return AdaptedFewShotClassifier(self.approach_).fit(rows, y)

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Give the probability of every class ``[row, class]``, 0 for those of other tasks."""
        check_is_fitted(self)
        if task is None and self.task_column_ is not None:
            task = self.task_column_
        rows, labels = without_task(X, task)
        if _vectors(rows):
            checked(self, rows)
        rows = rows if isinstance(rows, pd.DataFrame) else np.asarray(rows)
        labels = self._known(labels, len(rows))
        found = np.zeros((len(labels), len(self.classes_)))
        for name in dict.fromkeys(labels.tolist()):
            own = np.flatnonzero(labels == name)
            columns = np.searchsorted(self.classes_, self.tasks_[name].classes_)
            found[np.ix_(own, columns)] = self.tasks_[name].predict_proba(_rows(rows, own))
        return found

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
        require(
            labels is not None or len(self.tasks_) == 1,
            f"Parameter `task` should say the tasks: {len(self.tasks_)} were learned.",
        )
        found = np.full(rows, next(iter(self.tasks_))) if labels is None else labels
        known = {spell(name): name for name in self.tasks_}
        found = np.array([known.get(spell(name), name) for name in found.tolist()], dtype=object)
        unknown = sorted(set(found.tolist()) - set(self.tasks_))
        require(
            not unknown,
            f"Parameter `task` should hold tasks that were learned. Found {unknown[:1]}: a "
            "new one is served by adapt.",
        )
        return found

    def _trained(self, x: torch.Tensor, y: np.ndarray, labels: np.ndarray) -> Learner:
        """Meta-train a learner on the rows ``x``, whose dtype it gets."""
        seed = seed_of(self.random_state)
        source = episodes_of(x.float(), y, labels, self.way, self.shot, self.query)
        with ambient(seed, "learner"):
            learner = self._learner(x, seed, source.target.scores)
        train_whole(learner, source, self.steps, self.tasks_per_step, self.lr, seed)
        return learner.to(x.dtype).eval()

    def _model(self, x: torch.Tensor, seed: int, outputs: int | None) -> nn.Module:
        if self.model is not None:
            return copy.deepcopy(self.model)
        if x.ndim == 2:
            return MLP(x.shape[1], outputs, hidden=(64, 64), seed=seed)
        return Conv4(outputs, in_channels=x.shape[1], image_size=x.shape[2], seed=seed)

    def _learner(self, x: torch.Tensor, seed: int, way: int) -> Learner:
        model = self._model(x, seed, way if self.method == "anil" else None)
        made: dict[str, Callable[[], Learner]] = {
            "protonet": lambda: ProtoNet(model),
            "matching": lambda: MatchingNet(model),
            "r2d2": lambda: R2D2(model),
            "anil": lambda: ANIL(
                model, inner_lr=0.5, inner_steps=5, test_steps=20, shared_head=True
            ),
        }
        require(
            self.method in made,
            f"Parameter `method` should be one of {', '.join(made)}. Found {self.method!r}.",
        )
        return made[self.method]()


def inputs_of(
    estimator: BaseEstimator, X: Any, encoder: Encoder | None, fitting: bool = False
) -> torch.Tensor:
    """Make a tensor of ``X`` ``[row, *feature]``.

    Vectors are encoded, in double precision. Images stay as they are; bytes become parts of 1.
    """
    first = fitting or not hasattr(estimator, "n_features_in_")
    if encoder is not None:
        frame, _ = checked(estimator, X, fitting=first)
        return torch.from_numpy(encoder(frame)).double()
    raw = np.asarray(X)
    found = validate_data(estimator, raw, reset=first, allow_nd=True, dtype="numeric")
    require(
        found.ndim == 4 and found.shape[2] == found.shape[3],
        "`X` should be vectors [row, feature], or square images [row, channel, height, "
        f"width]. Found shape {found.shape}.",
    )
    return torch.from_numpy(found).float() / (255 if raw.dtype == np.uint8 else 1)


def _vectors(X: Any) -> bool:
    return isinstance(X, pd.DataFrame) or np.asarray(X).ndim <= 2


def _rows(X: Any, chosen: np.ndarray) -> Any:
    return X.iloc[chosen] if isinstance(X, pd.DataFrame) else np.asarray(X)[chosen]


__all__ = ["AdaptedFewShotClassifier", "FewShotClassifier"]
