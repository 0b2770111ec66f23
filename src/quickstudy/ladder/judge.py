"""How good predictions of a table's rows are."""

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.learners.loss import mean_over_examples
from quickstudy.tasks.parts import batches_by_target
from quickstudy.tasks.table_form import TableForm

Metrics = dict[str, float]
"""Values by name; the first decides, and less of it is better."""


def judge(predicted: Tensor, query: Batch) -> Metrics:
    """``rmse`` and ``explained_variance`` of targets ``[task, example, target]``, or ``log_loss``
    and ``accuracy`` of probabilities.

    Each is the mean over tasks of a task's own, but the explained variance ``1 − Σ (ŷ − y)² / Σ (y
    − ȳ)²``, which is over all rows and averaged over the targets. Probabilities ``[task, example,
    class]`` are clipped to the precision of their dtype, as scikit-learn's are."""
    return _numbers(predicted, query) if query.y.is_floating_point() else _classes(predicted, query)


def judge_by_target(predicted: Tensor, query: Batch, form: TableForm) -> Metrics:
    """``error``, and of every target with a label ``rmse of ...`` or ``log_loss of ...``: several
    targets of different kinds.

    Predictions ``[task, example, score]`` and targets are in the table's units. Each target is
    judged on the rows that have its label, as :func:`judge` does; the ``error`` is the mean over
    targets of the log-loss and of the RMSE divided by the standard deviation of the training rows,
    so that neither the units nor the number of labels decide."""
    kind, found, errors = form.kind, dict[str, float](), []
    of_targets = zip(
        form.targets, form.scale, kind.split(predicted), batches_by_target(query, kind), strict=True
    )
    for target, scale, values, own in of_targets:
        if bool(own.mask.any()):
            metric, value = next(iter(judge(values, own).items()))
            found[f"{metric} of {target}"] = value
            errors.append(value / scale)
    return {"error": sum(errors) / len(errors), **found}


def _numbers(predicted: Tensor, query: Batch) -> Metrics:
    error, real = (predicted - query.y).square(), query.mask > 0
    rmse = mean_over_examples(error.mean(-1), query.mask).sqrt()[real.any(1)].mean()
    spread = (query.y[real] - query.y[real].mean(0)).square().sum(0)
    return {
        "rmse": float(rmse),
        "explained_variance": float((1 - error[real].sum(0) / spread).mean()),
    }


def _classes(predicted: Tensor, query: Batch) -> Metrics:
    tasks = (query.mask > 0).any(1)
    clipped = predicted.clamp(min=torch.finfo(predicted.dtype).eps)
    logarithm = clipped.gather(-1, query.y.unsqueeze(-1)).squeeze(-1).log() - clipped.sum(-1).log()
    hit = (predicted.argmax(-1) == query.y).to(predicted.dtype)
    loss, accuracy = (
        float(mean_over_examples(values, query.mask)[tasks].mean()) for values in (-logarithm, hit)
    )
    return {"log_loss": loss, "accuracy": accuracy}


__all__ = ["Metrics", "judge", "judge_by_target"]
