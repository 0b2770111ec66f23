"""Predictions as a table on the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from quickstudy.cli.predictions import Prediction
from quickstudy.cli.task_files import Task

OF_CLASSES = ("class", "probability", "next best")
LEFT = ("file", "task", "class", "next best")
"""Columns that are aligned left."""


def prediction_table(found: Sequence[Prediction], task: Task, title: str) -> Table:
    """Make a table with a line for every example.

    It holds the class, its probability and the next best, or the predicted number or class of every
    target.
    """
    places = [name for name in ("file", "example", "task") if name in found[0]]
    table = _empty((*places, *(OF_CLASSES if task.classifies else task.outputs)), title)
    for one in found:
        cells = [str(one[name]) for name in places] + _cells(one, task)
        table.add_row(*map(Text, cells))
    return table


def _empty(names: Sequence[str], title: str) -> Table:
    """Make a table without lines."""
    table = Table(title=Text(title, style="bold"), title_justify="left")
    for name in names:
        side: Any = "left" if name in LEFT else "right"
        table.add_column(Text(name), justify=side, overflow="fold")
    return table


def _cells(one: Prediction, task: Task) -> list[str]:
    """Write the prediction of an example."""
    if task.classifies:
        return _best_two(one["probabilities"])
    return [_cell(one, target) for target in task.outputs]


def _best_two(probabilities: dict[str, float]) -> list[str]:
    """Write the two most probable classes and their probabilities."""
    (best, most), (other, less), *_ = sorted(probabilities.items(), key=lambda item: -item[1])
    return [best, f"{most:.1%}", f"{other} {less:.1%}"]


def _cell(one: Prediction, target: str) -> str:
    """Write a class and its probability, or a number and its interval."""
    if target not in one["values"]:
        return _class_cell(one["labels"][target], one["probabilities"][target])
    text = f"{one['values'][target]:.4g}"
    if "interval_90" not in one:
        return text
    low, high = one["interval_90"][target]
    return f"{text}  ({low:.4g} to {high:.4g})"


def _class_cell(label: str, probabilities: dict[str, float]) -> str:
    return f"{label} {probabilities[label]:.1%}"


__all__ = ["prediction_table"]
