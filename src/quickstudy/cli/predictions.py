"""Predictions of a mastered task in plain values, by the names of its classes and targets."""

from math import isfinite
from typing import Any

import torch
from torch import Tensor

from quickstudy.cli.task_files import Task
from quickstudy.learners import Adapted, Learner, LinearPrior, MixedPrior

AT_ONCE = 256
"""Number of examples predicted together, which does not change the result."""
LEVEL = 0.9
"""The probability that a number lies within its interval, if the learner gives intervals."""
Prediction = dict[str, Any]
"""The prediction for one example."""
Bounds = tuple[Tensor, Tensor]
"""The lower and the upper bounds of numbers."""
Columns = dict[str, list[Any]]
"""A value for every example, by target."""


def predictions_of(learner: Learner, adapted: Adapted, task: Task, x: Tensor) -> list[Prediction]:
    """Predict every example, in plain values.

    For classes these are the best class and all probabilities, for numbers the numbers. For several
    targets they are the numbers, and the best classes and the probabilities by target.
    """
    scores, bounds = _scores(learner, adapted, x), None
    if not task.classifies and isinstance(learner, (LinearPrior, MixedPrior)):
        low, high = learner.interval(adapted, x.unsqueeze(0), LEVEL)
        bounds = (low[0].cpu(), high[0].cpu())
    return in_plain_values(task, scores, bounds)


def in_plain_values(task: Task, scores: Tensor, bounds: Bounds | None = None) -> list[Prediction]:
    """Translate the scores into plain values.

    Args:
        task: Gives the classes and the targets.
        scores: ``[example, *score]``.
        bounds: The lower and the upper bounds of numbers, in the same shape; not finite without a
            bound.
    """
    if task.classifies:
        return _of_classes(task.outputs, scores)
    found = _by_target(task, scores)
    if bounds is not None and bool(bounds[0].isfinite().any()):
        _add_intervals(found, *(_columns(task, bound) for bound in bounds))
    return found


def _scores(learner: Learner, adapted: Adapted, x: Tensor) -> Tensor:
    """Give the scores ``[example, *score]``, in parts if that does not change them."""
    together = len(x) if learner.transductive else AT_ONCE
    parts = [learner.predict(adapted, part.unsqueeze(0))[0] for part in x.split(together)]
    return torch.cat(parts).cpu()


def _of_classes(names: tuple[str, ...], scores: Tensor) -> list[Prediction]:
    """Give the best class of every example, and the probabilities of all.

    Outputs that no class of the task has are left out.
    """
    rows = _probabilities(names, scores[:, : len(names)])
    return [{"label": _best(row), "probabilities": row} for row in rows]


def _by_target(task: Task, scores: Tensor) -> list[Prediction]:
    """Give the numbers of every example, and the best classes and all probabilities, by target."""
    return [_numbers(row) | _classes(row) for row in _rows(_columns(task, scores))]


def _numbers(row: dict[str, Any]) -> Prediction:
    """Give the numbers among the values of an example by target."""
    return {"values": {name: one for name, one in row.items() if not isinstance(one, dict)}}


def _classes(row: dict[str, Any]) -> Prediction:
    """Give the best classes and all probabilities; empty if every value is a number."""
    probabilities = {name: one for name, one in row.items() if isinstance(one, dict)}
    if not probabilities:
        return {}
    return {"labels": _best_of_each(probabilities), "probabilities": probabilities}


def _best_of_each(probabilities: dict[str, dict[str, float]]) -> dict[str, str]:
    """Name the most probable class of every target."""
    return {name: _best(one) for name, one in probabilities.items()}


def _add_intervals(found: list[Prediction], low: Columns, high: Columns) -> None:
    """Add the interval of every number to the predictions ``found``."""
    for i, one in enumerate(found):
        ends = {name: [low[name][i], high[name][i]] for name in one["values"]}
        if all(isfinite(end) for pair in ends.values() for end in pair):
            one["interval_90"] = ends


def _rows(columns: Columns) -> list[dict[str, Any]]:
    """Give the entries of ``columns`` by example."""
    entries = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in entries]


def _best(probabilities: dict[str, float]) -> str:
    """Name the most probable class."""
    return max(probabilities, key=probabilities.__getitem__)


def _columns(task: Task, scores: Tensor) -> Columns:
    """Give by target the numbers of all examples, or the probabilities of its classes.

    Numbers are in the table's units.
    """
    if task.table is not None:
        scores = task.table.unscaled(scores)
    widths = [max(1, len(names)) for names in task.labels.values()]
    parts = zip(task.labels.items(), scores.split(widths, -1), strict=True)
    return {target: _column(names, part) for (target, names), part in parts}


def _column(names: tuple[str, ...], part: Tensor) -> list[Any]:
    """Give the probabilities of the classes of every example, or its number."""
    return _probabilities(names, part) if names else part[:, 0].tolist()


def _probabilities(names: tuple[str, ...], scores: Tensor) -> list[dict[str, float]]:
    """Give the softmax of the scores, by the name of the class, of every example."""
    return [dict(zip(names, row, strict=True)) for row in scores.softmax(1).tolist()]


__all__ = ["LEVEL", "Prediction", "in_plain_values", "predictions_of"]
