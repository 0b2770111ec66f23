"""Predictions beside the answers in files: their accuracy, and a CSV file of them."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quickstudy.cache import write_atomically
from quickstudy.cli.task_files import CLASS, Task

Prediction = dict[str, Any]


def judge_predictions(
    found: Sequence[Prediction], truths: Sequence[dict[str, str]], task: Task
) -> Prediction:
    """Give accuracy, or root mean squared error, of every target whose answers are known.

    Returns:
        ``{"judged": {target: {"accuracy" or "rmse": value, "examples": number}}}``; empty if no
        answer is known.
    """
    result = {}
    for target in _targets(task):
        pairs = [
            (prediction, truth[_key(target, task)])
            for prediction, truth in zip(found, truths, strict=True)
            if truth.get(_key(target, task), "") != ""
        ]
        value = _measured(pairs, target)
        if value is not None:
            result[target] = {**value, "examples": len(pairs)}
    return {"judged": result} if result else {}


def in_words(judged: Prediction) -> list[str]:
    """Say how good the predictions are.

    Example:
        >>> in_words({"judged": {"class": {"accuracy": 0.75, "examples": 4}}})
        ['accuracy 75.0 % over 4 examples whose class is known']
    """
    lines = []
    for target, one in judged.get("judged", {}).items():
        known = f"over {one['examples']} examples whose {target} is known"
        if "accuracy" in one:
            lines.append(f"accuracy {100 * one['accuracy']:.1f} % {known}")
        else:
            lines.append(f"root mean squared error {one['rmse']:.4g} {known}")
    return lines


def write_csv(
    path: Path, found: Sequence[Prediction], truths: Sequence[dict[str, str]], task: Task
) -> None:
    """Write a line for every example: its place, the prediction, and the answer if known."""
    rows = [_row(prediction, truth, task) for prediction, truth in zip(found, truths, strict=True)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())


def _row(prediction: Prediction, truth: dict[str, str], task: Task) -> dict[str, Any]:
    places = ("file", "example", "task")
    row: dict[str, Any] = {name: prediction[name] for name in places if name in prediction}
    for target in _targets(task):
        answer = truth.get(_key(target, task))
        if answer is not None:
            row[f"true {target}"] = answer
        row[f"predicted {target}"] = _answer(prediction, target)
        low_high = prediction.get("interval_90", {}).get(target)
        if low_high is not None:
            row |= {f"{target} from": low_high[0], f"{target} to": low_high[1]}
        for name, value in _probabilities(prediction, target).items():
            row[f"probability of {name}"] = value
    return row


def _targets(task: Task) -> tuple[str, ...]:
    """The names of the targets."""
    return (CLASS,) if task.classifies else task.outputs


def _key(target: str, task: Task) -> str:
    """The name of a target in the answers of examples."""
    if target != CLASS or not task.classifies:
        return target
    return task.table.targets[0] if task.table is not None else task.label or CLASS


def _answer(prediction: Prediction, target: str) -> Any:
    """The predicted class, or number."""
    if "label" in prediction:
        return prediction["label"]
    values = prediction["values"]
    return values[target] if target in values else prediction["labels"][target]


def _probabilities(prediction: Prediction, target: str) -> dict[str, float]:
    """The probability of every class, if classes are predicted."""
    found = prediction.get("probabilities", {})
    of_target: dict[str, float] = found if "label" in prediction else found.get(target, {})
    return of_target


def _measured(pairs: Sequence[tuple[Prediction, str]], target: str) -> dict[str, float] | None:
    """Accuracy or error of predictions beside answers; None if no answer is known or a number."""
    if not pairs:
        return None
    predicted = [_answer(prediction, target) for prediction, _ in pairs]
    if isinstance(predicted[0], str):
        right = [answer == truth for answer, (_, truth) in zip(predicted, pairs, strict=True)]
        return {"accuracy": sum(right) / len(right)}
    try:
        errors = [a - float(truth) for a, (_, truth) in zip(predicted, pairs, strict=True)]
    except ValueError:
        return None
    return {"rmse": math.sqrt(sum(error**2 for error in errors) / len(errors))}


__all__ = ["in_words", "judge_predictions", "write_csv"]
