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
from quickstudy.cli.task_files import Task
from quickstudy.errors import require
from quickstudy.learners import Adapted, Learner, LinearPrior, MixedPrior
from quickstudy.training import load_adapted

AT_ONCE = 256
"""Examples predicted together; the result does not depend on it."""
LEVEL = 0.9
"""How probable it is that a number lies within its interval, where the learner has intervals."""


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
    require(
        len(asked.files) > 0, "Name at least one file to predict: quickstudy predict TASK FILES."
    )
    use_threads(asked.threads)
    where = device(asked.device)
    require(
        asked.out is None or not asked.out.is_dir(),
        f"Option --out should name a file: {asked.out}.",
    )
    learner, adapted = load_adapted(asked.task, classes=asked.classes)
    task = Task.of(asked.task)
    examples = task.read(asked.files)
    x = examples.x
    learner, adapted = learner.to(where), {name: value.to(where) for name, value in adapted.items()}
    found = [
        place | one
        for place, one in zip(
            examples.places, _predictions(learner, adapted, task, x.to(where)), strict=True
        )
    ]
    judged = judge(found, examples.truths, task)
    if asked.out is not None:
        write_csv(asked.out, found, examples.truths, task)
    if asked.json:
        print(
            json.dumps(
                {
                    "task": str(asked.task),
                    "transductive": learner.transductive,
                    **judged,
                    "predictions": found,
                }
            )
        )
        return 0
    console = Console(highlight=False, soft_wrap=asked.out is not None)
    if asked.out is None:
        console.print(_table(found, task, str(asked.task)))
    else:
        console.print(f"{len(found)} predictions are in {asked.out}.", markup=False)
    for line in in_words(judged):
        console.print(line, markup=False)
    if learner.transductive:
        Console(stderr=True, soft_wrap=True).print(
            "This learner is transductive: predictions depend on the files that are given together."
        )
    return 0


def _predictions(learner: Learner, adapted: Adapted, task: Task, x: Tensor) -> list[dict[str, Any]]:
    """The best class and the probabilities of all classes, the softmax of the scores, or the
    predicted numbers, of every example.

    Of several targets of different kinds, the numbers, and the best classes and the probabilities
    by target."""
    together = len(x) if learner.transductive else AT_ONCE
    scores = torch.cat(
        [learner.predict(adapted, part.unsqueeze(0))[0] for part in x.split(together)]
    ).cpu()
    if task.classifies:
        names = task.outputs  # outputs that no class of the task has are left out
        return [
            {"label": max(row, key=row.__getitem__), "probabilities": row}
            for row in _probabilities(names, scores[:, : len(names)])
        ]
    columns = _columns(task, scores)
    classes = {name: column for name, column in columns.items() if task.labels[name]}
    found: list[dict[str, Any]] = [
        {"values": {name: columns[name][i] for name in columns if name not in classes}}
        for i in range(len(x))
    ]
    if isinstance(learner, (LinearPrior, MixedPrior)):
        low, high = (
            _columns(task, bound[0].cpu())
            for bound in learner.interval(adapted, x.unsqueeze(0), LEVEL)
        )
        for i, one in enumerate(found):
            one["interval_90"] = {name: [low[name][i], high[name][i]] for name in one["values"]}
    if classes:
        for i, one in enumerate(found):
            one["labels"] = {
                name: max(column[i], key=column[i].__getitem__) for name, column in classes.items()
            }
            one["probabilities"] = {name: column[i] for name, column in classes.items()}
    return found


def _columns(task: Task, scores: Tensor) -> dict[str, list[Any]]:
    """By target the numbers of all examples in the table's units, or the probabilities of its classes."""
    if task.table is not None:
        scores = task.table.unscaled(scores)
    parts = scores.split([max(1, len(names)) for names in task.labels.values()], -1)
    both = zip(task.labels.items(), parts, strict=True)
    return {
        target: _probabilities(names, part) if names else part[:, 0].tolist()
        for (target, names), part in both
    }


def _probabilities(names: tuple[str, ...], scores: Tensor) -> list[dict[str, float]]:
    return [dict(zip(names, row, strict=True)) for row in scores.softmax(1).tolist()]


def _table(found: list[dict[str, Any]], task: Task, title: str) -> Table:
    """A line for every example: the class, its probability and the next best; or the predicted number or class of every target."""
    table = Table(title=Text(title, style="bold"), title_justify="left")
    in_table = "example" in found[0]
    for name in (
        "file",
        *(["example"] if in_table else []),
        *(("class", "probability", "next best") if task.classifies else task.outputs),
    ):
        table.add_column(
            Text(name),
            justify="left" if name in ("file", "class", "next best") else "right",
            overflow="fold",
        )
    for one in found:
        cells = [one["file"], *([str(one["example"])] if in_table else [])]
        if task.classifies:
            order = sorted(one["probabilities"].items(), key=lambda item: -item[1])
            cells += [order[0][0], f"{order[0][1]:.1%}", f"{order[1][0]} {order[1][1]:.1%}"]
        else:
            cells += [_cell(one, target) for target in task.outputs]
        table.add_row(*map(Text, cells))
    return table


def _cell(one: dict[str, Any], target: str) -> str:
    """A class and its probability, or a number and its interval."""
    if target not in one["values"]:
        label = one["labels"][target]
        return f"{label} {one['probabilities'][target][label]:.1%}"
    ranges = one.get("interval_90", {})
    return f"{one['values'][target]:.4g}" + (
        "  ({:.4g} to {:.4g})".format(*ranges[target]) if ranges else ""
    )
