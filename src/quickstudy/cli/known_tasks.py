"""Predictions of a run of ``quickstudy fit`` for rows of the tasks that it learned, and others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from quickstudy.cli.task_files import Examples, Task
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
    """Rows of a table, and what a run answers.

    Attributes:
        task: What the answers are.
        examples: The rows.
        answers: The answers.
        notes: What the user should know.
    """

    task: Task
    examples: Examples
    answers: Answers
    notes: list[str]


class NewTask(AdaptingRung):
    """The learner that a run keeps for new tasks."""

    name = "kept for new tasks"

    def __init__(self, run: Trained) -> None:
        self.learner = run.learner


def answered(folder: Path, files: Sequence[Path], level: float, classes: Sequence[str]) -> Answered:
    """Predict rows of known tasks by the way kept for them, of others by the one for new tasks.

    A task that was not learned has no rows here, so it is predicted by what all have in common.

    Raises:
        UserError: If it is no run of ``quickstudy fit``, or the files do not fit.
    """
    run = Trained.read(folder, classes=classes)
    form = _form(run)
    columns = tuple(column.name for column in form.encoder.columns)
    task = Task(form.classes or form.targets, bool(form.classes), columns=columns, table=form)
    examples = task.read(files)
    kept = Kept.read(folder, form)
    names = _tasks(files, run.details["source"]["task"])
    known = {name: place for place, name in enumerate(kept.rows.names)}
    place = torch.tensor([known.get(name, -1) for name in names])
    found = _of_both(kept, NewTask(run), examples.x, place, level)
    return Answered(task, examples, found.as_scores(form), _notes(names, place.tolist()))


def _form(run: Trained) -> TableForm:
    """Give the form of the table that a run was fitted to.

    Raises:
        UserError: If it was fitted to none.
    """
    if run.fitted_table is None:
        raise UserError(
            f"{run.folder} should be a file that quickstudy adapt wrote, or the folder of a run "
            "of quickstudy fit. Found another run."
        )
    return run.fitted_table


def _tasks(files: Sequence[Path], column: str) -> list[str]:
    """Give the task of every row of the files; empty if the cell is."""
    found = []
    for path in files:
        frame = read_table(path)
        check_columns(frame, [column])
        found += ["" if is_missing(value) else class_name(value) for value in frame[column]]
    return found


def _of_both(kept: Kept, new: NewTask, x: Tensor, place: Tensor, level: float) -> Answers:
    """Answer rows ``x`` of known tasks, and of others at place −1, in their order."""
    known, unknown = (place >= 0).nonzero()[:, 0], (place < 0).nonzero()[:, 0]
    parts = []
    if len(known):
        parts.append(kept.answers(x[known], place[known], level))
    if len(unknown):
        parts.append(kept.of_unknown(new, x[unknown], level))
    return Answers.joined(parts).at(torch.cat([known, unknown]).argsort())


def _notes(names: Sequence[str], place: Sequence[int]) -> list[str]:
    """Say which tasks were not learned."""
    new = [name for name, own in zip(names, place, strict=True) if own < 0]
    if not new:
        return []
    told = ", ".join(list(dict.fromkeys(new))[:5])
    return [
        f"{len(new)} rows are of tasks that were not learned ({told}): they are predicted by what "
        "all tasks have in common. quickstudy adapt masters such a task from a few of its rows."
    ]


__all__ = ["Answered", "answered"]
