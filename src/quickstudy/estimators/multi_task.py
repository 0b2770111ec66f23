"""Estimators of scikit-learn that learn from the rows of many tasks."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from quickstudy.errors import require
from quickstudy.estimators.adapted import AdaptedClassifier, AdaptedRegressor
from quickstudy.estimators.approach import Approach
from quickstudy.estimators.crossed import CrossedRegressor
from quickstudy.estimators.known_tasks import KnownTasks
from quickstudy.estimators.regression import (
    GroupRegression,
    Regression,
    TaskRegression,
    listed_columns,
)
from quickstudy.estimators.rows import TaskRows, checked, coded, column_of, labels_of, seed_of
from quickstudy.estimators.units import Interval, Units
from quickstudy.ladder.methods import Method, choose, made
from quickstudy.targets import Classes, Numbers, Target
from quickstudy.tasks import TableTasks
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.table_form import TableForm


class MultiTaskEstimator(BaseEstimator, ABC):
    """The abstract parent of the regressor and the classifier of many tasks."""

    tasks_: Any

    def __init__(self, method: Method = "auto", random_state: Any = None) -> None:
        self.method, self.random_state = method, random_state

    @abstractmethod
    def _learn(self, y: np.ndarray) -> tuple[torch.Tensor, Target, tuple[str, ...]]:
        """Turn ``y`` into unscaled targets, their kind, and the names of classes.

        Attributes that depend on ``y`` are set.
        """

    def _y_options(self) -> dict[str, bool]:
        return {}

    def _fit(self, X: Any, y: Any, task: Any) -> KnownTasks:
        """Learn from rows of which each is of one task."""
        frame, y, codes = self._checked_rows(X, y, task)
        targets, target, classes = self._learn(np.asarray(y))
        tasks = _tasks(frame, targets, target, codes, self.tasks_)
        form = TableForm.of(tasks, _columns(target, classes))
        self._fit_rung(form, form.tasks(tasks))
        return KnownTasks(self.approach_, self.rows_, self.tasks_, self.task_column_)

    def _checked_rows(self, X: Any, y: Any, task: Any) -> tuple[pd.DataFrame, Any, np.ndarray]:
        """Give the rows without the task's column, ``y``, and the place of every row's task."""
        rows = TaskRows.of(X, y, task)
        self.task_column_ = column_of(task)
        frame, y = checked(self, rows.X, rows.y, fitting=True, **self._y_options())
        codes, self.tasks_ = coded(rows.labels(len(frame)))
        return frame, y, codes

    def _fit_rung(self, form: TableForm, rows: TableTasks) -> None:
        """Choose a way of sharing, and fit it to the scaled ``rows``."""
        seed = seed_of(self.random_state)
        self.rows_ = rows
        self.method_ = choose(rows, self.method, seed)
        rung = made(self.method_, rows)
        rung.fit(rows, seed)
        self.approach_ = Approach(rung, form)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class MultiTaskRegressor(RegressorMixin, MultiTaskEstimator):
    """Regression of many related tasks with few rows each, as a regressor of scikit-learn.

    ``fit(X, y, task=shops)`` learns from all tasks; ``predict(X, task=shops)`` serves these tasks,
    and a new one by what all have in common. :meth:`adapt` gives an ordinary regressor of a new
    task from a few of its rows.

    ``task`` is an array, or the name of a column of the DataFrame ``X`` (to be named once, in
    ``fit``); without it all rows are of one task. ``X`` may hold categories and dates (in a
    DataFrame) and empty cells; a row without a label is left out. A task has one name, whatever
    its dtype: 1, 1.0 and ``"1"``. In pipelines and searches ``task`` is metadata:
    ``MultiTaskRegressor().set_fit_request(task=True)``; the name of a column needs no routing.

    If ``task`` is a list of two columns or more, ``["student", "course"]``, each has a prior of its
    own, and a :class:`CrossedRegressor` serves all; ``"school/class"`` is the class within the
    school.

    Args:
        method: ``"learned_prior"`` (a Gaussian prior over the tasks' linear weights, on the
            features or with their squares), ``"one_hot"`` (a ridge regression with a column for
            each task), ``"random_intercept"`` and ``"random_slopes"`` (linear mixed models),
            ``"pooled"`` (one ridge regression), ``"single_task"`` (a ridge a task),
            ``"boosting_with_task"`` (boosting that sees the task), ``"boosting"`` (of one task),
            ``"hard_sharing"`` (a network with a head a task), ``"pooled_refitted"`` (a network
            whose head is refitted on a task), ``"meta_learned"`` (ANIL). ``"auto"`` takes the best
            of the first six in a threefold cross-validation of every task's rows; a list of
            columns needs it.
        random_state: The seed of all random draws; None is 0.

    Attributes:
        method_: The method that was taken; ``"crossed"`` if ``task`` is a list of columns.
        tasks_: The tasks that were learned; the levels by column if there are several.
        fitted_: What was learned, as :class:`~quickstudy.estimators.regression.Regression`.
        approach_: The fitted way of sharing, if a row is of one task.
        rows_: The rows, scaled, if a row is of one task: a known task adapts to its own again when
            it is predicted.

    Raises:
        UserError: If a method, a column or a task is missing.

    Example:
        >>> import numpy as np, quickstudy as qs
        >>> draw = np.random.default_rng(0)
        >>> shop, price = np.repeat(np.arange(20), 8), draw.uniform(1, 9, (160, 1))
        >>> sold = draw.normal(100, 20, 20)[shop] - 5 * price[:, 0] + draw.normal(0, 1, 160)
        >>> model = qs.MultiTaskRegressor().fit(price, sold, task=shop)
        >>> model.predict([[2.0]], task=[3]).shape
        (1,)
        >>> new_shop = model.adapt([[1.0], [3.0]], [75.0, 65.0])
        >>> new_shop.predict([[5.0]]).round()
        array([55.])
    """

    def fit(self, X: Any, y: Any, task: Any = None) -> "MultiTaskRegressor":
        """Learn from rows of many tasks.

        Args:
            X: Features ``[row, feature]``, an array or a DataFrame.
            y: Targets ``[row]`` or ``[row, target]``.
            task: The task of every row ``[row]``, or a column of ``X``, or a list of columns whose
                groups are crossed or nested.
        """
        groups = listed_columns(X, task)
        self.fitted_ = self._of_groups(X, y, groups) if groups else self._of_tasks(X, y, task)
        return self

    def _of_tasks(self, X: Any, y: Any, task: Any) -> Regression:
        """Learn from rows of which each is of one task."""
        known = self._fit(X, y, task)
        return TaskRegression(known, Units(known.approach.form, self.one_dimensional_))

    def _of_groups(self, X: pd.DataFrame, y: Any, groups: tuple[str, ...]) -> Regression:
        """Learn from rows that belong to several ``groups`` at once."""
        self._check_automatic(groups)
        found = GroupRegression.fit(self, X, y, groups)
        self.method_, self.tasks_ = "crossed", found.levels
        return found

    def _check_automatic(self, groups: tuple[str, ...]) -> None:
        """Raise if a method is asked for that serves one column of tasks only."""
        require(
            self.method == "auto",
            f"Parameter `method` should be 'auto' if `task` lists columns: {list(groups)}. "
            f"Found {self.method!r}.",
        )

    def _y_options(self) -> dict[str, bool]:
        return {"multi_output": True, "y_numeric": True}

    def _learn(self, y: np.ndarray) -> tuple[torch.Tensor, Target, tuple[str, ...]]:
        self.one_dimensional_ = y.ndim == 1
        columns = y.reshape(len(y), -1).astype(np.float64)
        return torch.from_numpy(columns), Numbers((columns.shape[1],)), ()

    def predict(self, X: Any, task: Any = None) -> np.ndarray:
        """Predict the targets of rows of the tasks ``task``.

        They are ``[row]`` or ``[row, target]``, as in :meth:`fit`.
        """
        check_is_fitted(self, "fitted_")
        return self.fitted_.predict(self, X, task)

    def predict_interval(self, X: Any, task: Any = None, level: float = 0.9) -> Interval:
        """Give the bounds between which the targets of rows lie with probability ``level``.

        Learned priors, mixed models, ``"one_hot"`` and crossed groups have them.

        Raises:
            UserError: If the method has none, or ``level`` is not between 0 and 1.
        """
        check_is_fitted(self, "fitted_")
        return self.fitted_.interval(self, X, task, level)

    def score(self, X: Any, y: Any, task: Any = None, sample_weight: Any = None) -> float:
        """Give ``R²`` of the predictions, over all rows."""
        return float(r2_score(y, self.predict(X, task), sample_weight=sample_weight))

    def adapt(self, X: Any, y: Any) -> AdaptedRegressor | CrossedRegressor:
        """Fit a regressor of a new task to its rows ``X``, ``y``.

        If groups are crossed, the rows may be of several new levels, and the regressor knows all
        others too.
        """
        check_is_fitted(self, "fitted_")
        return self.fitted_.adapt(X, y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class MultiTaskClassifier(ClassifierMixin, MultiTaskEstimator):
    """Classification of many related tasks with the same classes, as a classifier of scikit-learn.

    A task may lack some of the classes. It works as :class:`MultiTaskRegressor`, and has
    :meth:`predict_proba`; for tasks with classes of their own see :class:`FewShotClassifier`.

    Args:
        method: As for regression; the linear models are logistic regressions, and there are no
            mixed models.
        random_state: The seed of all random draws; None is 0.

    Attributes:
        classes_: All classes.
        method_: The method that was taken.
        tasks_: The tasks that were learned.
        approach_: The fitted way of sharing.
        rows_: The rows, scaled.
        known_: The tasks that were learned, with their rows.

    Raises:
        UserError: If a method, a column or a task is missing.

    Example:
        >>> import numpy as np, quickstudy as qs
        >>> draw = np.random.default_rng(0)
        >>> patient, dose = np.repeat(np.arange(20), 12), draw.uniform(0, 10, (240, 1))
        >>> better = np.where(dose[:, 0] > draw.normal(5, 1.5, 20)[patient], "yes", "no")
        >>> model = qs.MultiTaskClassifier(method="learned_prior").fit(dose, better, task=patient)
        >>> new_patient = model.adapt([[1.0], [2.5], [3.0]], ["no", "yes", "yes"])
        >>> new_patient.predict([[0.0], [6.0]])
        array(['no', 'yes'], dtype='<U3')
    """

    def fit(self, X: Any, y: Any, task: Any = None) -> "MultiTaskClassifier":
        """Learn from rows of many tasks.

        Args:
            X: Features ``[row, feature]``, an array or a DataFrame.
            y: Classes ``[row]``.
            task: The task of every row ``[row]``, or a column of ``X``.
        """
        self.known_ = self._fit(X, y, task)
        return self

    def _learn(self, y: np.ndarray) -> tuple[torch.Tensor, Target, tuple[str, ...]]:
        self.classes_, codes = labels_of(y)
        names = tuple(map(str, self.classes_))
        return torch.from_numpy(codes), Classes(len(names)), names

    def predict_proba(self, X: Any, task: Any = None) -> np.ndarray:
        """Give the probability of every class ``[row, class]``."""
        check_is_fitted(self, "known_")
        return self.known_.ask(self, X, task)

    def predict(self, X: Any, task: Any = None) -> np.ndarray:
        """Predict the likeliest class ``[row]``."""
        found = self.predict_proba(X, task)
        return self.classes_[found.argmax(1)]

    def score(self, X: Any, y: Any, task: Any = None, sample_weight: Any = None) -> float:
        """Give the part of the rows whose class is predicted."""
        return float(accuracy_score(y, self.predict(X, task), sample_weight=sample_weight))

    def adapt(self, X: Any, y: Any) -> AdaptedClassifier:
        """Fit a classifier of a new task to its rows ``X``, ``y``."""
        check_is_fitted(self, "known_")
        rows = self.known_.without_column(X)
        return AdaptedClassifier(self.approach_, self.classes_).fit(rows, y)


def _columns(target: Target, classes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Name the columns of the targets, each with its classes."""
    columns = 1 if target.way else target.scores
    return {f"y{index}": classes for index in range(columns)}


def _tasks(
    frame: pd.DataFrame, targets: torch.Tensor, target: Target, codes: np.ndarray, names: Any
) -> TableTasks:
    """Encode the rows, and sort them by task."""
    encoder = Encoder.fit(frame, tuple(frame.columns))
    order = np.argsort(codes, kind="stable")
    return TableTasks(
        x=torch.from_numpy(encoder(frame.iloc[order])).double(),
        y=targets[order],
        task=torch.from_numpy(codes[order]),
        names=tuple(map(str, names)),
        identity=torch.arange(len(names)),
        target=target,
        encoder=encoder,
        label="rows",
    )


__all__ = ["MultiTaskClassifier", "MultiTaskRegressor"]
