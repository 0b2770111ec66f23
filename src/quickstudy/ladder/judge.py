"""Measures how good predictions of a table's rows are."""

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.tasks.parts import batches_by_target
from quickstudy.tasks.table_form import TableForm

Metrics = dict[str, float]
"""Values by name; the first decides, and less of it is better."""


def judge(predicted: Tensor, query: Batch) -> Metrics:
    """Give ``rmse`` and ``explained_variance`` of numbers, or ``log_loss`` and ``accuracy``.

    Each is the mean of the tasks' values, except for the explained variance
    ``1 − Σ (ŷ − y)² / Σ (y − ȳ)²``, which is over all rows and averaged over the targets.

    Args:
        predicted: Numbers ``[task, example, target]``, or probabilities ``[task, example, class]``.
        query: The true values.
    """
    return _of_classes(predicted, query) if query.target.way else _of_numbers(predicted, query)


def _of_classes(predicted: Tensor, query: Batch) -> Metrics:
    scores = predicted.clamp(min=torch.finfo(predicted.dtype).eps).log()
    values = query.target.values(scores, query.y, query.mask)
    return {name: _mean(values[name], query) for name in ("log_loss", "accuracy")}


def _of_numbers(predicted: Tensor, query: Batch) -> Metrics:
    return {"rmse": _rmse(predicted, query), "explained_variance": _explained(predicted, query)}


def _rmse(predicted: Tensor, query: Batch) -> float:
    values = query.target.values(predicted, query.y, query.mask)
    return _mean(values["mean_squared_error"].sqrt(), query)


def _mean(values: Tensor, query: Batch) -> float:
    """Average over the tasks that have queries."""
    return float(values[(query.mask > 0).any(1)].mean())


def judge_by_target(predicted: Tensor, query: Batch, form: TableForm) -> Metrics:
    """Give the ``error`` of several targets of different kinds, and the metrics of each.

    Each is judged on the rows that have its label, as :func:`judge` does. The ``error`` is the mean
    over targets of the log-loss, and of the RMSE divided by the standard deviation of the training
    rows, so that neither the units nor the number of labels decide.

    Args:
        predicted: Numbers in the table's units, and probabilities ``[task, example, score]``.
        query: The true values, in the table's units.
        form: The columns.
    """
    found: Metrics = {}
    errors = []
    parts, batches = predicted.split(form.widths, -1), batches_by_target(query, form.several)
    for name, scale, values, own in zip(form.targets, form.scale, parts, batches, strict=True):
        if bool(own.mask.any()):
            metric, value = _first(judge(values, own))
            found[f"{metric} of {name}"] = value
            errors.append(value / scale)
    return {"error": sum(errors) / len(errors), **found}


def _first(metrics: Metrics) -> tuple[str, float]:
    """Give the metric that decides."""
    return next(iter(metrics.items()))


def _explained(predicted: Tensor, query: Batch) -> float:
    real = query.mask > 0
    y = query.y[real]
    error = _squares(predicted[real] - y)
    return float((1 - error / _squares(y - y.mean(0))).mean())


def _squares(values: Tensor) -> Tensor:
    """Sum the squares over the rows ``[target]``."""
    return values.square().sum(0)


__all__ = ["Metrics", "judge", "judge_by_target"]
