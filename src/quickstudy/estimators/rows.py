"""Checks rows, targets and tasks as scikit-learn checks its inputs."""

from dataclasses import dataclass
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
    check = _checked_frame if isinstance(X, pd.DataFrame) else _checked_array
    return check(estimator, X, y, fitting, **options)


def _checked_frame(
    estimator: BaseEstimator, X: pd.DataFrame, y: Any, fitting: bool, **options: Any
) -> tuple[pd.DataFrame, Any]:
    """Check a DataFrame and its targets; its cells are left to the encoder."""
    _check_some(X)
    if _is_given(y):
        y = validate_data(estimator, y=y, **options)
        check_consistent_length(X, y)
    # after y, which would take the names of the columns away
    return _checked_columns(estimator, X, fitting), y


def _checked_array(
    estimator: BaseEstimator, X: Any, y: Any, fitting: bool, **options: Any
) -> tuple[pd.DataFrame, Any]:
    """Check an array of numbers and its targets, and name its columns."""
    found = validate_data(estimator, X, y, reset=fitting, ensure_all_finite="allow-nan", **options)
    values, y = found if _is_given(y) else (found, y)
    return pd.DataFrame(values, columns=[f"x{index}" for index in range(values.shape[1])]), y


def _is_given(y: Any) -> bool:
    """Say whether there are targets to check; scikit-learn's own default stands for none."""
    return not (isinstance(y, str) and y == "no_validation")


def _check_some(X: pd.DataFrame) -> None:
    """Raise if there are no rows, in the words of scikit-learn."""
    require(
        len(X) > 0,
        f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.",
    )


def _checked_columns(estimator: BaseEstimator, X: pd.DataFrame, fitting: bool) -> pd.DataFrame:
    """Set or compare the columns of ``X``, and call all of them by text."""
    named = check_names(X)
    mixed = len({type(name) for name in X.columns}) > 1
    # scikit-learn refuses columns that are called by numbers and text
    validate_data(estimator, named if mixed else X, reset=fitting, skip_check_array=True)
    return named


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
    column = column_of(task)
    rows, labels = (X, task) if column is None else _divided_at(X, column)
    found = column_or_1d(labels)
    check_consistent_length(rows, found)
    _check_all_said(found)
    return rows, found


def column_of(task: Any) -> str | int | None:
    """Give the name of the task's column, if ``task`` is one."""
    return task if isinstance(task, str | int) else None


def _divided_at(X: Any, column: str | int) -> tuple[pd.DataFrame, pd.Series]:
    """Give a DataFrame without the ``column``, and the column."""
    require(
        holds(X, column),
        f"Parameter `task` should be an array, or a column of the DataFrame X. Found {column!r}.",
    )
    return X.drop(columns=column), X[column]


def _check_all_said(tasks: np.ndarray) -> None:
    """Raise if the task of a row is empty."""
    empty = int(pd.isna(tasks).sum())
    require(not empty, f"Parameter `task` should say the task of every row. Found {empty} empty.")


@dataclass(frozen=True, eq=False)
class TaskRows:
    """Labelled rows of tasks, before they are checked.

    Attributes:
        X: Rows without the task's column.
        y: Labels ``[row]`` or ``[row, target]``.
        tasks: The task of every row ``[row]``; None if all are of one.
    """

    X: Any
    y: Any
    tasks: np.ndarray | None

    @classmethod
    def of(cls, X: Any, y: Any, task: Any) -> "TaskRows":
        """Take the task's column away, and leave out the rows without a label.

        Args:
            X: Rows.
            y: Labels ``[row]`` or ``[row, target]``.
            task: The name of a column of ``X``, or an array, or None.

        Raises:
            UserError: As :func:`without_task` and :func:`labelled`.
        """
        rows, tasks = without_task(X, task)
        return cls(*labelled(rows, y, tasks))

    def labels(self, num_rows: int) -> np.ndarray:
        """Give the task of each of the ``num_rows`` rows ``[row]``; a single one is 0."""
        return np.zeros(num_rows, dtype=np.int64) if self.tasks is None else self.tasks


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
    # other lengths are refused when rows and labels are checked
    if not missing.any() or missing.shape != as_table(X).shape[:1]:
        return X, y, task
    require(not missing.all(), "`y` should have a label for some rows. Found none.")
    known = np.asarray(np.asarray(y, dtype=object)[~missing].tolist())
    return chosen_rows(X, ~missing), known, None if task is None else task[~missing]


def chosen_rows(X: Any, chosen: np.ndarray) -> Any:
    """Give the rows ``chosen`` of a DataFrame or an array."""
    rows = as_table(X)
    return rows.iloc[chosen] if isinstance(rows, pd.DataFrame) else rows[chosen]


def as_table(values: Any) -> Any:
    """Give ``values`` as they are if pandas holds them, else as an array."""
    return values if isinstance(values, pd.DataFrame | pd.Series) else np.asarray(values)


def _missing(y: Any) -> np.ndarray:
    """Say which rows lack a label ``[row]``; if ``y`` is no array, there are no rows."""
    cells = np.asarray(pd.isna(as_table(y)))
    return _any_by_row(cells) if cells.ndim else np.zeros(0, dtype=bool)


def _any_by_row(cells: np.ndarray) -> np.ndarray:
    """Say which rows hold a true cell ``[row]``."""
    found: np.ndarray = np.logical_or.reduce(cells.reshape(len(cells), -1), axis=1)
    return found


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
    "TaskRows",
    "as_table",
    "checked",
    "chosen_rows",
    "coded",
    "column_of",
    "holds",
    "labelled",
    "labels_of",
    "places_of",
    "refuse_several",
    "seed_of",
    "without_task",
]
