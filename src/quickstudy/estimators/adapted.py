"""Ordinary scikit-learn estimators of one new task, which start from other tasks."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.estimators.approach import Approach, Ask, bounds, prediction
from quickstudy.estimators.rows import checked, labelled, labels_of
from quickstudy.estimators.units import Interval, Units


class AdaptedEstimator(BaseEstimator, ABC):
    """Fitted to the rows of one task, with the knowledge of other tasks.

    Args:
        approach: The knowledge of other tasks. It stays as it is: fitting again, or a clone,
            starts from it anew.
    """

    def __init__(self, approach: Approach) -> None:
        self.approach = approach

    @abstractmethod
    def _targets(self, y: np.ndarray) -> Tensor:
        """Turn ``y`` into the input of a way of sharing, ``[row, target]`` or ``[row]``."""

    def fit(self, X: Any, y: Any) -> "AdaptedEstimator":
        """Master the task of the rows ``X`` ``[row, feature]`` with the targets ``y``."""
        X, y, _ = labelled(X, y)
        frame, y = checked(self, X, y, fitting=True, **self._y_options())
        targets, approach = self._targets(np.asarray(y)), self.approach
        self.support_ = Batch.of(approach.inputs(frame), targets, approach.form.target)
        return self

    def _y_options(self) -> dict[str, bool]:
        return {}

    def _ask(self, X: Any, ask: Ask = prediction) -> np.ndarray:
        check_is_fitted(self)
        frame, _ = checked(self, X)
        return self.approach.of_new(_double(self.support_), self.approach.inputs(frame), ask)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class AdaptedRegressor(RegressorMixin, AdaptedEstimator):
    """A regressor of one task, which starts from other tasks.

    :meth:`quickstudy.MultiTaskRegressor.adapt` gives it. It is an ordinary estimator: ``fit``
    again on more rows, ``predict``, ``score``, ``cross_val_score``, pickle.

    Args:
        approach: The knowledge of other tasks.

    Attributes:
        support_: The task's rows, scaled.
    """

    def _y_options(self) -> dict[str, bool]:
        return {"multi_output": True, "y_numeric": True}

    def _targets(self, y: np.ndarray) -> Tensor:
        self.one_dimensional_ = y.ndim == 1
        form = self.approach.form
        columns = y.reshape(len(y), -1)
        _check_count(columns.shape[1], len(form.targets))
        return form.scaled(torch.from_numpy(columns.astype(np.float64)))

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets of new rows, ``[row]`` or ``[row, target]`` as in ``fit``."""
        return self._units()(self._ask(X))

    def predict_interval(self, X: Any, level: float = 0.9) -> Interval:
        """Give the bounds between which the targets of new rows lie with probability ``level``.

        They are those of the learned prior.

        Raises:
            UserError: If the way of sharing has none, or ``level`` is not between 0 and 1.
        """
        return self._units().pair(self._ask(X, bounds(level)))

    def _units(self) -> Units:
        check_is_fitted(self)
        return Units(self.approach.form, self.one_dimensional_)


class AdaptedClassifier(ClassifierMixin, AdaptedEstimator):
    """A classifier of one task, which starts from other tasks.

    :meth:`quickstudy.MultiTaskClassifier.adapt` gives it. Its classes are the classes of all tasks.

    Args:
        approach: The knowledge of other tasks.
        classes: All classes that were learned, sorted.

    Attributes:
        classes_: All classes that were learned, also those that this task's rows lack.
        support_: The task's rows.
    """

    def __init__(self, approach: Approach, classes: Any) -> None:
        super().__init__(approach)
        self.classes = classes

    def _targets(self, y: np.ndarray) -> Tensor:
        self.classes_ = np.asarray(self.classes)
        found, codes = labels_of(y)
        _check_known(found, self.classes_)
        return torch.from_numpy(np.searchsorted(self.classes_, found)[codes])

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of every class ``[row, class]``."""
        return self._ask(X)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the likeliest class ``[row]``."""
        return self.classes_[self.predict_proba(X).argmax(1)]


def _check_count(found: int, learned: int) -> None:
    """Raise if there are other targets than when learning."""
    require(
        found == learned,
        f"`y` should have {learned} targets, as when learning. Found {found}.",
    )


def _check_known(found: np.ndarray, learned: np.ndarray) -> None:
    """Raise if one of the classes ``found`` was not learned."""
    known = learned.tolist()
    unknown = sorted(set(found.tolist()) - set(known))
    require(
        not unknown,
        f"`y` should hold the classes that were learned: {known}. Found {unknown[:1]}.",
    )


def _double(support: Batch) -> Batch:
    return replace(support, mask=support.mask.double())


__all__ = [
    "AdaptedClassifier",
    "AdaptedEstimator",
    "AdaptedRegressor",
]
