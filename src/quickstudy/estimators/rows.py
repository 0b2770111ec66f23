"""Checks rows, targets and tasks as scikit-learn checks its inputs."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from quickstudy.errors import require
from quickstudy.tasks.tables.column_names import check_names
from quickstudy.tasks.tables.spelling import label_codes, spell, spelled


def checked(
    estimator: BaseEstimator,
    X: Any,
    y: Any = "no_validation",
    fitting: bool = False,
    **options: Any,
) -> tuple[pd.DataFrame, Any]:
    """Give ``X`` as a DataFrame, and ``y``, if it is given, as an array.

    An encoder knows the columns by name: those of an array are called ``x0``, ``x1``, ... A
    DataFrame may hold categories, and either may hold empty cells.

    Args:
        estimator: Whose ``n_features_in_`` and ``feature_names_in_`` are set, or compared.
        X: An array ``[row, feature]`` or a DataFrame.
        y: Targets.
        fitting: Set the attributes.
        options: As of :func:`sklearn.utils.validation.validate_data`.

    Raises:
        ValueError: As scikit-learn's own estimators do.
    """
    asked = isinstance(y, str) and y == "no_validation"
    if isinstance(X, pd.DataFrame):
        require(
            len(X) > 0,
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.",
        )
        if not asked:
            y = validate_data(estimator, y=y, **options)
            check_consistent_length(X, y)
        X = check_names(X) if len({type(name) for name in X.columns}) > 1 else X
        # after y, which would take the names of the columns away
        validate_data(estimator, X, reset=fitting, skip_check_array=True)
        return check_names(X), y
    found = validate_data(estimator, X, y, reset=fitting, ensure_all_finite="allow-nan", **options)
    X, y = (found, y) if asked else found
    return pd.DataFrame(X, columns=[f"x{index}" for index in range(X.shape[1])]), y


def labels_of(y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give the classes of ``y``, and their indices ``[row]``.

    Raises:
        ValueError: If ``y`` holds no classes.
    """
    check_classification_targets(y)
    classes, codes = np.unique(column_or_1d(y, warn=True), return_inverse=True)
    return classes, codes


def without_task(X: Any, task: Any) -> tuple[Any, np.ndarray | None]:
    """Give ``X`` without the task's column, and the task of every row, ``[row]`` or None.

    Args:
        X: Rows.
        task: The name of a column of ``X``, or an array, or None.

    Raises:
        UserError: If there is no such column, a length differs, or a row has no task.
    """
    if task is None:
        return X, None
    if isinstance(task, str | int):
        columns = list(X.columns) if isinstance(X, pd.DataFrame) else []
        require(
            task in columns,
            f"Parameter `task` should be an array, or a column of the DataFrame X. Found {task!r}.",
        )
        X, task = X.drop(columns=task), X[task]
    found = column_or_1d(task)
    check_consistent_length(X, found)
    empty = int(pd.isna(found).sum())
    require(not empty, f"Parameter `task` should say the task of every row. Found {empty} empty.")
    return X, found


def labelled(X: Any, y: Any, task: np.ndarray | None = None) -> tuple[Any, Any, Any]:
    """Leave out the rows whose label is missing: None, NaN, or pandas' NA or NaT.

    Args:
        X: Rows.
        y: Labels ``[row]`` or ``[row, target]``; a row needs them all.
        task: The task of every row ``[row]``.

    Raises:
        UserError: If no row has a label.
    """
    missing = _missing(y)
    if missing is None or len(missing) != _num_rows(X) or not missing.any():
        return X, y, task
    require(not missing.all(), "`y` should have a label for some rows. Found none.")
    rows = X.iloc[~missing] if isinstance(X, pd.DataFrame) else np.asarray(X)[~missing]
    known = np.asarray(np.asarray(y, dtype=object)[~missing].tolist())
    return rows, known, None if task is None else task[~missing]


def _missing(y: Any) -> np.ndarray | None:
    """Say which rows lack a label ``[row]``; None if ``y`` is no array."""
    values = y if isinstance(y, pd.DataFrame | pd.Series) else np.asarray(y)
    if values.ndim == 0:
        return None
    missing = np.asarray(pd.isna(values)).reshape(len(values), -1)
    return np.asarray(missing.any(1))


def _num_rows(X: Any) -> int:
    return int(np.shape(X)[0]) if len(np.shape(X)) else -1


def coded(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the tasks ``labels`` ``[row]`` in their order; 1, 1.0 and "1" are one task.

    Returns:
        The number of every row's task ``[row]``, and the tasks as they are first called.
    """
    codes, _ = label_codes(pd.Series(spelled(pd.Series(labels))))
    first = np.unique(codes, return_index=True)[1]
    return codes, np.asarray(labels)[first]


def places_of(tasks: Any, labels: np.ndarray) -> np.ndarray:
    """Give the place of every row's task among ``tasks``, −1 for a task that is not known."""
    known = pd.Index([spell(task) for task in tasks], dtype=object)
    names = spelled(pd.Series(labels))
    found: np.ndarray = np.append(known.get_indexer(names.categories), -1)[names.codes]
    return found


def refuse_several(labels: Any, column: Any) -> None:
    """Raise if the rows of a new task are of several.

    Raises:
        UserError: If so.
    """
    names = list(spelled(pd.Series(labels)).categories)
    require(
        len(names) <= 1,
        f"`X` should hold rows of one task to adapt to. Found {len(names)} in column {column!r}: "
        f"{', '.join(names[:5])}. Adapt to the rows of each by themselves.",
    )


def holds(X: Any, column: str | int | None) -> bool:
    """Say whether ``X`` is a DataFrame with the task's ``column``."""
    return column is not None and isinstance(X, pd.DataFrame) and column in X.columns


def seed_of(random_state: Any) -> int:
    """Give a seed; None is 0, so that the same data give the same model."""
    if random_state is None:
        return 0
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    require(
        isinstance(random_state, int | np.integer),
        "Parameter `random_state` should be a number, RandomState or None. Found "
        f"{random_state!r}.",
    )
    return int(random_state)


__all__ = [
    "checked",
    "coded",
    "holds",
    "labelled",
    "labels_of",
    "places_of",
    "refuse_several",
    "seed_of",
    "without_task",
]
