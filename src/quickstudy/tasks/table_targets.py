"""The columns of a table that are predicted: their kinds, their classes and their values."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from quickstudy.errors import require
from quickstudy.targets import Classes, Numbers, Several, Target
from quickstudy.tasks.tables.carriers import as_floats
from quickstudy.tasks.tables.column_names import repeated
from quickstudy.tasks.tables.spelling import label_codes

KindName = Literal["regression", "classification"]
Kinds = KindName | Mapping[str, KindName]


def check_kind(kind: object) -> None:
    """Raise if a kind is neither regression nor classification.

    Raises:
        UserError: If so.
    """
    kinds = set(kind.values()) if isinstance(kind, Mapping) else {kind}
    require(
        kinds <= {"regression", "classification"},
        f"Parameter `kind` should be 'regression' or 'classification'. Found {kind!r}.",
    )


def check_answers(task: str, targets: tuple[str, ...]) -> None:
    """Raise if the targets are none, hold the task, or name a column twice.

    Raises:
        UserError: If so.
    """
    require(bool(targets), "Parameter `target` should name at least one column. Found none.")
    require(
        task not in targets,
        f"Parameter `target` should be another column than the task. Found {task!r} as both.",
    )
    twice = repeated(targets)
    require(
        not twice, f"Parameter `target` should name every column once. Found {twice[:1]} twice."
    )


def check_single(targets: tuple[str, ...], kind: Kinds) -> None:
    """Raise if classes of several columns are to be predicted.

    Raises:
        UserError: If so.
    """
    require(
        kind != "classification" or len(targets) == 1,
        f"Classification predicts one column. Found {len(targets)}: {', '.join(targets)}.",
    )


def kind_of_each(targets: tuple[str, ...], kind: Kinds) -> dict[str, KindName]:
    """Give the kind of each target."""
    if not isinstance(kind, Mapping):
        return dict.fromkeys(targets, kind)
    each = {str(name): one for name, one in kind.items()}
    _check_same(each, targets)
    return {name: each[name] for name in targets}


def _check_same(each: Mapping[str, KindName], targets: tuple[str, ...]) -> None:
    require(
        set(each) == set(targets),
        f"Parameter `kind` should say the kind of every target. Found {sorted(each)} for "
        f"{sorted(targets)}.",
    )


def targets_of(
    frame: pd.DataFrame, targets: tuple[str, ...], kind: Kinds
) -> tuple[Target, dict[str, tuple[str, ...]], np.ndarray]:
    """Give the kind of the tasks, the names of the classes by target, and every row's targets."""
    columns = {name: _column(frame[name]) for name in targets}
    labels = {name: classes for name, (_, classes) in columns.items()}
    values = np.stack([values for values, _ in columns.values()], 1)
    target = _target(kind, labels)
    return target, labels, values if target.way is None else values[:, 0].astype(np.int64)


def _target(kind: Kinds, labels: Mapping[str, tuple[str, ...]]) -> Target:
    if isinstance(kind, Mapping):
        return Several(tuple(map(len, labels.values())))
    if kind == "regression":
        return Numbers((len(labels),))
    (classes,) = labels.values()
    return Classes(len(classes))


def _column(column: "pd.Series[Any]") -> tuple[np.ndarray, tuple[str, ...]]:
    """Give the values of a column, and the names of its classes, none for numbers.

    Classes are floating-point indices; both are NaN for an empty cell.
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return as_floats(column), ()
    codes, classes = label_codes(column)
    require(
        len(classes) >= 2,
        f"Column {column.name!r} should hold at least 2 classes. Found {len(classes)}.",
    )
    return np.where(codes < 0, np.nan, codes), classes


__all__ = [
    "KindName",
    "Kinds",
    "check_answers",
    "check_kind",
    "check_single",
    "kind_of_each",
    "targets_of",
]
