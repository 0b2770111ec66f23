"""The command ``quickstudy predict``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from rich.console import Console

from quickstudy.cli.console import say
from quickstudy.cli.judged import in_words, judge_predictions, write_csv
from quickstudy.cli.known_tasks import answered
from quickstudy.cli.machine import device, use_threads
from quickstudy.cli.options import Positional, parse
from quickstudy.cli.prediction_table import prediction_table
from quickstudy.cli.predictions import LEVEL, Prediction, in_plain_values, predictions_of
from quickstudy.cli.task_files import FileExamples, Task
from quickstudy.errors import require
from quickstudy.learners import Adapted, Learner
from quickstudy.training import load_adapted

TRANSDUCTIVE = (
    "This learner is transductive: predictions depend on the files that are given together."
)

Found = tuple[Task, FileExamples, list[Prediction], list[str]]
"""The task, its examples, the prediction for each, and notes for the user."""


@dataclass(frozen=True)
class PredictOptions:
    """Options of the command predict."""

    task: Annotated[Path, Positional]
    """The file that adapt wrote; or the folder of a run of fit, for the tasks that it learned."""
    files: Annotated[tuple[Path, ...], Positional]
    """Images, folders of images, or CSV files, like the files of the task. Images in a folder named
    after a class, and rows with the target, are judged."""
    out: Path | None = None
    """A CSV file for the predictions, in place of the table on standard output."""
    json: bool = False
    """Print one JSON object on standard output."""
    classes: tuple[str, ...] = ()
    """Your classes that the learner uses, as package.module:Class."""
    device: str = "cpu"
    """The device: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Predict, and print a table or one JSON object."""
    asked = parse(PredictOptions, arguments, "predict", "Use a mastered task on new files.")
    use_threads(asked.threads)
    where = device(asked.device)
    _check_out(asked.out)
    task, examples, found, notes = _of_run(asked) if asked.task.is_dir() else _of_task(asked, where)
    if asked.out is not None:
        write_csv(asked.out, found, examples.truths, task)
    judged = judge_predictions(found, examples.truths, task)
    if asked.json:
        _tell([note for note in notes if note != TRANSDUCTIVE])
        named = {"task": str(asked.task), "transductive": TRANSDUCTIVE in notes}
        print(json.dumps(named | judged | {"predictions": found}))
        return 0
    _show(asked, task, found, in_words(judged))
    _tell(notes)
    return 0


def _tell(notes: Sequence[str]) -> None:
    """Print notes for the user on standard error."""
    for note in notes:
        say(note)


def _check_out(out: Path | None) -> None:
    """Raise if the file of the predictions is a folder."""
    require(out is None or not out.is_dir(), f"Option --out should name a file: {out}.")


def _moved(adapted: Adapted, where: torch.device) -> Adapted:
    """Give the adapted state on a device."""
    return {name: value.to(where) for name, value in adapted.items()}


def _of_run(asked: PredictOptions) -> Found:
    """Ask a run of fit about rows of its tasks."""
    found = answered(asked.task, asked.files, LEVEL, asked.classes)
    answers = found.answers
    predictions = in_plain_values(found.task, answers.scores, (answers.low, answers.high))
    return found.task, found.examples, _placed(found.examples, predictions), found.notes


def _of_task(asked: PredictOptions, where: torch.device) -> Found:
    """Ask a mastered task about examples."""
    learner, adapted = load_adapted(asked.task, classes=asked.classes)
    task = Task.of(asked.task)
    examples = task.read(asked.files).to(where)
    found = _by_task(learner.to(where), _moved(adapted, where), task, examples)
    notes = [TRANSDUCTIVE] if learner.transductive else []
    return task, examples, _placed(examples, found), notes


def _by_task(
    learner: Learner, adapted: Adapted, task: Task, examples: FileExamples
) -> list[Prediction]:
    """Predict every example by the adapted state of its task."""
    found: dict[int, Prediction] = {}
    for place in examples.task.unique().tolist():
        rows = (examples.task == place).nonzero()[:, 0]
        own = {name: value[place : place + 1] for name, value in adapted.items()}
        answers = predictions_of(learner, own, task, examples.x[rows.to(examples.x.device)])
        found |= zip(rows.tolist(), answers, strict=True)
    return [found[row] for row in range(len(examples.x))]


def _placed(examples: FileExamples, predictions: list[Prediction]) -> list[Prediction]:
    """Add to every prediction the place of its example."""
    pairs = zip(examples.places, predictions, strict=True)
    return [place | prediction for place, prediction in pairs]


def _show(
    asked: PredictOptions, task: Task, found: list[Prediction], judged: Sequence[str]
) -> None:
    """Print a table, or say where the predictions are, and how good they are."""
    console = Console(highlight=False, soft_wrap=asked.out is not None)
    if asked.out is None:
        console.print(prediction_table(found, task, str(asked.task)))
    else:
        console.print(f"{len(found)} predictions are in {asked.out}.", markup=False)
    for line in judged:
        console.print(line, markup=False)
