"""``quickstudy predict``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from quickstudy.cli.judged import in_words, judge, write_csv
from quickstudy.cli.machine import device, use_threads
from quickstudy.cli.options import Positional, parse
from quickstudy.cli.task_files import Examples, Task
from quickstudy.errors import require
from quickstudy.learners import Adapted, Learner, LinearPrior, MixedPrior
from quickstudy.training import load_adapted
from quickstudy.training.collect import device_of

AT_ONCE = 256
"""Examples predicted together; the result does not depend on it."""
LEVEL = 0.9
"""How probable it is that a number lies within its interval, if the learner has intervals."""

TRANSDUCTIVE = (
    "This learner is transductive: predictions depend on the files that are given together."
)


@dataclass(frozen=True)
class PredictOptions:
    """Options of ``quickstudy predict``."""

    task: Annotated[Path, Positional]
    """The file that adapt wrote."""
    files: Annotated[tuple[Path, ...], Positional]
    """Images, folders of images, or CSV files, as the task's own were. Images in a folder that is
    called as a class, and rows with the target, are judged."""
    out: Path | None = None
    """A CSV file for the predictions, in place of the table on standard output."""
    json: bool = False
    """Print one JSON object on standard output."""
    classes: tuple[str, ...] = ()
    """Classes of your own that the learner is made of, as package.module:Class."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Predict, and print a table or one JSON object."""
    asked = parse(PredictOptions, arguments, "predict", "Use a mastered task on new files.")
    use_threads(asked.threads)
    where = device(asked.device)
    out = asked.out
    require(out is None or not out.is_dir(), f"Option --out should name a file: {out}.")
    learner, adapted = load_adapted(asked.task, classes=asked.classes)
    learner = learner.to(where)
    adapted = {name: value.to(where) for name, value in adapted.items()}
    task = Task.of(asked.task)
    examples = task.read(asked.files)
    predictions = _by_task(learner, adapted, task, examples)
    found = [place | one for place, one in zip(examples.places, predictions, strict=True)]
    judged = judge(found, examples.truths, task)
    if out is not None:
        write_csv(out, found, examples.truths, task)
    if asked.json:
        named = {"task": str(asked.task), "transductive": learner.transductive}
        print(json.dumps({**named, **judged, "predictions": found}))
        return 0
    console = Console(highlight=False, soft_wrap=out is not None)
    if out is None:
        console.print(_table(found, task, str(asked.task)))
    else:
        console.print(f"{len(found)} predictions are in {out}.", markup=False)
    for line in in_words(judged):
        console.print(line, markup=False)
    if learner.transductive:
        Console(stderr=True, soft_wrap=True).print(TRANSDUCTIVE)
    return 0


def _by_task(
    learner: Learner, adapted: Adapted, task: Task, examples: Examples
) -> list[dict[str, Any]]:
    """Predict every example by the adapted state of its own task."""
    found: dict[int, dict[str, Any]] = {}
    for place in examples.task.unique().tolist():
        rows = (examples.task == place).nonzero().squeeze(1)
        own = {name: value[place : place + 1] for name, value in adapted.items()}
        x = examples.x[rows].to(device_of(learner))
        found |= zip(rows.tolist(), _predictions(learner, own, task, x), strict=True)
    return [found[row] for row in range(len(examples.x))]


def _predictions(learner: Learner, adapted: Adapted, task: Task, x: Tensor) -> list[dict[str, Any]]:
    """Predict every example, in plain values.

    Of classes these are the best one and all probabilities, of numbers the numbers. Of several
    targets they are the numbers, and the best classes and the probabilities by target.
    """
    scores = _scores(learner, adapted, x)
    if task.classifies:
        # outputs that no class of the task has are left out
        rows = _probabilities(task.outputs, scores[:, : len(task.outputs)])
        return [{"label": _best(row), "probabilities": row} for row in rows]
    found = _by_target(task, scores)
    if isinstance(learner, (LinearPrior, MixedPrior)):
        bounds = learner.interval(adapted, x.unsqueeze(0), LEVEL)
        low, high = (_columns(task, bound[0].cpu()) for bound in bounds)
        for i, one in enumerate(found):
            one["interval_90"] = {name: [low[name][i], high[name][i]] for name in one["values"]}
    return found


def _scores(learner: Learner, adapted: Adapted, x: Tensor) -> Tensor:
    """Give the scores ``[example, *score]``, in parts if that gives the same."""
    together = len(x) if learner.transductive else AT_ONCE
    parts = [learner.predict(adapted, part.unsqueeze(0))[0] for part in x.split(together)]
    return torch.cat(parts).cpu()


def _by_target(task: Task, scores: Tensor) -> list[dict[str, Any]]:
    """Give the numbers of every example, and the best classes and all probabilities, by target."""
    columns = _columns(task, scores)
    classes = {name: column for name, column in columns.items() if task.labels[name]}
    numbers = {name: column for name, column in columns.items() if name not in classes}
    found: list[dict[str, Any]] = [{"values": row} for row in _rows(numbers, len(scores))]
    if classes:
        for one, row in zip(found, _rows(classes, len(scores)), strict=True):
            one["labels"] = {name: _best(probabilities) for name, probabilities in row.items()}
            one["probabilities"] = row
    return found


def _rows(columns: dict[str, list[Any]], count: int) -> list[dict[str, Any]]:
    """Give the entries of ``columns`` by example."""
    return [{name: column[i] for name, column in columns.items()} for i in range(count)]


def _best(probabilities: dict[str, float]) -> str:
    """Name the most probable class."""
    return max(probabilities, key=probabilities.__getitem__)


def _columns(task: Task, scores: Tensor) -> dict[str, list[Any]]:
    """Give by target the numbers of all examples, or the probabilities of its classes.

    Numbers are in the table's units.
    """
    if task.table is not None:
        scores = task.table.unscaled(scores)
    parts = scores.split([max(1, len(names)) for names in task.labels.values()], -1)
    found: dict[str, list[Any]] = {}
    for (target, names), part in zip(task.labels.items(), parts, strict=True):
        found[target] = _probabilities(names, part) if names else part[:, 0].tolist()
    return found


def _probabilities(names: tuple[str, ...], scores: Tensor) -> list[dict[str, float]]:
    """Give the softmax of the scores, by the name of the class, of every example."""
    return [dict(zip(names, row, strict=True)) for row in scores.softmax(1).tolist()]


def _table(found: list[dict[str, Any]], task: Task, title: str) -> Table:
    """Make a table with a line for every example.

    It holds the class, its probability and the next best, or the predicted number or class of every
    target.
    """
    table = Table(title=Text(title, style="bold"), title_justify="left")
    places = [name for name in ("file", "example", "task") if name in found[0]]
    answers = ("class", "probability", "next best") if task.classifies else task.outputs
    for name in (*places, *answers):
        left = name in ("file", "task", "class", "next best")
        table.add_column(Text(name), justify="left" if left else "right", overflow="fold")
    for one in found:
        cells = [str(one[name]) for name in places]
        if task.classifies:
            cells += _best_two(one["probabilities"])
        else:
            cells += [_cell(one, target) for target in task.outputs]
        table.add_row(*map(Text, cells))
    return table


def _best_two(probabilities: dict[str, float]) -> list[str]:
    """Write the most probable class, its probability, and the next best with its own."""
    (best, most), (other, less), *_ = sorted(probabilities.items(), key=lambda item: -item[1])
    return [best, f"{most:.1%}", f"{other} {less:.1%}"]


def _cell(one: dict[str, Any], target: str) -> str:
    """Write a class and its probability, or a number and its interval."""
    if target not in one["values"]:
        label = one["labels"][target]
        return f"{label} {one['probabilities'][target][label]:.1%}"
    text = f"{one['values'][target]:.4g}"
    if "interval_90" not in one:
        return text
    low, high = one["interval_90"][target]
    return f"{text}  ({low:.4g} to {high:.4g})"
