"""Predictions of a run of ``quickstudy fit`` for rows of the tasks that it learned, and others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.cli.task_files import FileExamples, Task
from quickstudy.errors import UserError
from quickstudy.ladder.answers import Answers
from quickstudy.ladder.kept import Kept
from quickstudy.ladder.rungs.rung import AdaptingRung
from quickstudy.tasks.arrays import is_missing
from quickstudy.tasks.encoder import check_columns
from quickstudy.tasks.table import class_name, read_table
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import Trained


@dataclass(frozen=True)
class Answered:
    """Rows of a table, and a run's answers.

    Attributes:
        task: The meaning of the answers.
        examples: The rows.
        answers: The answers.
        notes: Notes for the user.
    """

    task: Task
    examples: FileExamples
    answers: Answers
    notes: list[str]


class KeptForNew(AdaptingRung):
    """The learner that a run keeps for new tasks."""

    name = "kept for new tasks"

    def __init__(self, run: Trained) -> None:
        self.learner = run.learner


def answered(folder: Path, files: Sequence[Path], level: float, classes: Sequence[str]) -> Answered:
    """Predict rows of known tasks by the way kept for them, and of others by the way for new tasks.

    A task that was not learned has no rows here, so it is predicted by the model that all share.

    Raises:
        UserError: If it is not a run of ``quickstudy fit``, or the files do not fit.
    """
    run = Trained.read(folder, classes=classes)
    form = _form(run)
    task = _task(form)
    examples, kept = task.read(files), Kept.read(folder, form)
    names = _tasks(files, run.details["source"]["task"])
    place = _places(names, kept)
    found = _of_both(kept, KeptForNew(run), examples.x, place, level)
    return Answered(task, examples, found.as_scores(form), _notes(names, place.tolist()))


def _task(form: TableForm) -> Task:
    """Give the targets, and the columns to predict them from."""
    columns = tuple(column.name for column in form.encoder.columns)
    return Task(form.classes or form.targets, bool(form.classes), columns=columns, table=form)


def _places(names: Sequence[str], kept: Kept) -> Tensor:
    """Give the place of every row's task among the known tasks, −1 for another ``[row]``."""
    known = {name: place for place, name in enumerate(kept.rows.names)}
    return torch.tensor([known.get(name, -1) for name in names])


def _form(run: Trained) -> TableForm:
    """Give the form of the table that a run was fitted to.

    Raises:
        UserError: If the run was fitted to no table.
    """
    if run.fitted_table is None:
        raise UserError(
            f"{run.folder} should be a file that quickstudy adapt wrote, or the folder of a run "
            "of quickstudy fit. Found another run."
        )
    return run.fitted_table


def _tasks(files: Sequence[Path], column: str) -> list[str]:
    """Give the task of every row of the files; empty for an empty cell."""
    return [_name(value) for path in files for value in _column(path, column)]


def _column(path: Path, name: str) -> list[Any]:
    """Read the cells of a column.

    Raises:
        UserError: If there is no such column.
    """
    frame = read_table(path)
    check_columns(frame, [name])
    return list(frame[name])


def _name(value: object) -> str:
    return "" if is_missing(value) else class_name(value)


def _of_both(kept: Kept, new: KeptForNew, x: Tensor, place: Tensor, level: float) -> Answers:
    """Answer rows ``x`` of known tasks, and of others at place −1, in their order."""
    known, unknown = _rows(place >= 0), _rows(place < 0)
    parts = []
    if len(known):
        parts.append(kept.answers(x[known], place[known], level))
    if len(unknown):
        parts.append(kept.of_unknown(new, x[unknown], level))
    return Answers.joined(parts).at(torch.cat([known, unknown]).argsort())


def _rows(chosen: Tensor) -> Tensor:
    """Give the places of the rows that are chosen ``[row]``."""
    return chosen.nonzero()[:, 0]


def _notes(names: Sequence[str], place: Sequence[int]) -> list[str]:
    """Say which tasks were not learned."""
    new = [name for name, own in zip(names, place, strict=True) if own < 0]
    return [_not_learned(new)] if new else []


def _not_learned(names: Sequence[str]) -> str:
    """Say how rows of tasks that were not learned are predicted."""
    told = ", ".join(list(dict.fromkeys(names))[:5])
    return (
        f"{len(names)} rows are of tasks that were not learned ({told}): they are predicted by "
        "what all tasks have in common. quickstudy adapt masters such a task from a few rows."
    )


__all__ = ["Answered", "answered"]
