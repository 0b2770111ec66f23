"""``quickstudy predict``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import tyro
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torch import Tensor

from quickstudy.cli.options import parse
from quickstudy.cli.sources import device, use_threads
from quickstudy.cli.task_files import Task
from quickstudy.errors import require
from quickstudy.learners import Adapted, Learner, LinearPrior
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import load_adapted

AT_ONCE = 256
"""Examples predicted together; the result does not depend on it."""
LEVEL = 0.9
"""How probable it is that a number lies within its interval, where the learner has intervals."""


@dataclass(frozen=True)
class PredictOptions:
    """Options of ``quickstudy predict``."""

    task: Annotated[Path, tyro.conf.Positional]
    """The file that adapt wrote."""
    files: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Images, folders of images, or CSV files, as the task's own were."""
    json: bool = False
    """Print one JSON object on standard output."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Predict, and print a table or one JSON object."""
    asked = parse(PredictOptions, arguments, "predict", "Use a mastered task on new files.")
    require(len(asked.files) > 0, "Name at least one file to predict: quickstudy predict TASK FILES.")
    use_threads(asked.threads)
    where = device(asked.device)
    learner, adapted = load_adapted(asked.task)
    task = Task.of(asked.task)
    places, x = task.read(asked.files)
    learner, adapted = learner.to(where), {name: value.to(where) for name, value in adapted.items()}
    found = [place | one for place, one in zip(places, _predictions(learner, adapted, task, x.to(where)), strict=True)]
    if asked.json:
        print(json.dumps({"task": str(asked.task), "transductive": learner.transductive, "predictions": found}))
        return 0
    Console().print(_table(found, task, str(asked.task)))
    if learner.transductive:
        Console(stderr=True, soft_wrap=True).print("This learner is transductive: predictions depend on the files that are given together.")
    return 0


def _predictions(learner: Learner, adapted: Adapted, task: Task, x: Tensor) -> list[dict[str, Any]]:
    """The best class and the probabilities of all classes, the softmax of the scores, or the predicted numbers, of every example."""
    together = len(x) if learner.transductive else AT_ONCE
    scores = torch.cat([learner.predict(adapted, part.unsqueeze(0))[0] for part in x.split(together)]).cpu()
    if task.table is not None and task.table.labels:
        return _of_several(task.table, scores)
    if not task.classifies:
        named = [dict(zip(task.outputs, row, strict=True)) for row in _unscaled(task, scores).tolist()]
        if not isinstance(learner, LinearPrior):
            return [{"values": values} for values in named]
        bounds = [_unscaled(task, bound[0].cpu()).tolist() for bound in learner.interval(adapted, x.unsqueeze(0), LEVEL)]
        within = [dict(zip(task.outputs, map(list, zip(*both, strict=True)), strict=True)) for both in zip(*bounds, strict=True)]
        return [{"values": values, "interval_90": interval} for values, interval in zip(named, within, strict=True)]
    probabilities = scores[:, : len(task.outputs)].softmax(1)  # outputs that no class of the task has are left out
    best = probabilities.argmax(1).tolist()
    return [
        {"label": task.outputs[index], "probabilities": dict(zip(task.outputs, row, strict=True))}
        for index, row in zip(best, probabilities.tolist(), strict=True)
    ]


def _of_several(form: TableForm, scores: Tensor) -> list[dict[str, Any]]:
    """Of several targets of different kinds the predicted numbers, and the best classes and the probabilities of all, by target."""
    found: list[dict[str, Any]] = [{"values": {}, "labels": {}, "probabilities": {}} for _ in scores]
    for target, names, part in zip(form.targets, form.labels, form.kind.split(form.unscaled(scores)), strict=True):
        for one, row in zip(found, (part.softmax(1) if names else part).tolist(), strict=True):
            if names:
                one["labels"][target] = names[max(range(len(names)), key=row.__getitem__)]
                one["probabilities"][target] = dict(zip(names, row, strict=True))
            else:
                one["values"][target] = row[0]
    return found


def _unscaled(task: Task, values: Tensor) -> Tensor:
    return values if task.table is None else task.table.unscaled(values)


def _table(found: list[dict[str, Any]], task: Task, title: str) -> Table:
    """A line for every example: the class, its probability and the next best; or the predicted numbers; or either by target."""
    table = Table(title=Text(title, style="bold"), title_justify="left")
    in_table = "example" in found[0]
    for name in ("file", *(["example"] if in_table else []), *(("class", "probability", "next best") if task.classifies else task.outputs)):
        table.add_column(Text(name), justify="left" if name in ("file", "class", "next best") else "right", overflow="fold")
    for one in found:
        cells = [one["file"], *([str(one["example"])] if in_table else [])]
        if task.classifies:
            order = sorted(one["probabilities"].items(), key=lambda item: -item[1])
            cells += [order[0][0], f"{order[0][1]:.1%}", f"{order[1][0]} {order[1][1]:.1%}"]
        elif "labels" in one:
            of_classes = {name: f"{label} {one['probabilities'][name][label]:.1%}" for name, label in one["labels"].items()}
            cells += [of_classes[name] if name in of_classes else f"{one['values'][name]:.4g}" for name in task.outputs]
        else:
            ranges = one.get("interval_90", {})
            cells += [
                f"{value:.4g}" + ("  ({:.4g} to {:.4g})".format(*ranges[name]) if ranges else "") for name, value in one["values"].items()
            ]
        table.add_row(*map(Text, cells))
    return table
