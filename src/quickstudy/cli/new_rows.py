"""A new task in rows of the table that a run learned from."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from quickstudy.cli.adapting import (
    AdaptOptions,
    NewTask,
    check_classes,
    check_undescribed,
    count_in_words,
    counted,
    indices_of,
    names_in,
    some_of,
)
from quickstudy.cli.task_files import Task
from quickstudy.episode import Batch
from quickstudy.tasks import Rows
from quickstudy.tasks.encoder import check_columns
from quickstudy.tasks.rows import new_tasks
from quickstudy.tasks.table import read_table
from quickstudy.tasks.table_form import TableForm
from quickstudy.tasks.tables.schema import Schema

CLASSES = "its class, as quickstudy reads it"
"""The column of the classes of rows, beside the columns of the file."""


def rows_of_new_classes(asked: AdaptOptions, rows: Rows) -> NewTask:
    """Read rows of new classes of the table that the run learned from."""
    check_undescribed(asked, "its table")
    label = str(rows.label)
    frame = _labelled_by(label, rows.encoder.schema, asked.support)
    found = frame.pop(CLASSES).tolist()
    names = names_in(found)
    check_classes(names or ("none",), asked.support)
    form = TableForm(rows.encoder, (label,), classes=names)
    task = Task(names, True, columns=_columns(form), table=form, label=label)
    support = Batch.of(form.inputs(frame), indices_of(found, names))
    return NewTask(task, support, [counted(found, "example")])


def _labelled_by(label: str, schema: Schema, path: Path) -> pd.DataFrame:
    """Read the rows of a file that have a class, which is added in column ``CLASSES``."""
    frame = read_table(path, schema.asked)
    check_columns(frame, [label])
    classes = schema.column(label, "category").read(frame[label])
    return frame.assign(**{CLASSES: classes})[classes.notna()]


def rows_of_new_task(asked: AdaptOptions, form: TableForm) -> NewTask:
    """Read rows of a new task of the table that the run was fitted to."""
    check_undescribed(asked, "the columns of its table")
    frame = read_table(asked.support, form.schema.asked)
    labelled = form.labelled(frame)
    if not labelled.any():
        return NewTask(_task(form), _no_rows(form), [_nothing_known(form)])
    tasks = new_tasks(frame, form)
    notes = [*_several(form, tasks.names), _examples(form, tasks.y), *_left_out(labelled)]
    return NewTask(_task(form, tasks.names), tasks.batch(), notes)


def _task(form: TableForm, tasks: Sequence[str] = ()) -> Task:
    """Give the facts that predicting needs."""
    names = form.classes or form.targets
    named = tuple(filter(None, tasks))
    return Task(names, bool(form.classes), columns=_columns(form), table=form, tasks=named)


def _several(form: TableForm, tasks: Sequence[str]) -> list[str]:
    """Name the tasks, if there are several."""
    if len(tasks) < 2:
        return []
    return [f"{len(tasks)} tasks by {form.schema.task}: {some_of(tasks)}."]


def _nothing_known(form: TableForm) -> str:
    """Say how a task without a target in any row is predicted."""
    wanted = (" or " if form.labels else ", ").join(form.targets)
    return f"No row has {wanted}: the task is what all tasks have in common."


def _no_rows(form: TableForm) -> Batch:
    """Make the support set of a task without rows: one row that is masked."""
    x = torch.zeros(1, 1, len(form.encoder.names))
    numbers = x.new_zeros(1, 1, len(form.targets))
    y = torch.zeros(1, 1, dtype=torch.long) if form.classes else numbers
    return Batch(x, y, x.new_zeros(1, 1), form.target)


def _left_out(labelled: "pd.Series[bool]") -> list[str]:
    """Say how many rows have no target."""
    count = int((~labelled).sum())
    return [f"{count} rows without a target were left out."] if count else []


def _columns(form: TableForm) -> tuple[str, ...]:
    """Name the columns that are the inputs."""
    return form.encoder.inputs


def _examples(form: TableForm, y: Tensor) -> str:
    """Count the examples: by class, or by target if some labels may be missing."""
    if form.labels:
        return f"{len(y)} examples, with labels of {_labels_in_words(form, y)}."
    if form.classes:
        found = {name: int((y == index).sum()) for index, name in enumerate(form.classes)}
        return count_in_words(Counter(found), "example")
    return f"{len(y)} examples."


def _labels_in_words(form: TableForm, y: Tensor) -> str:
    """Say how many labels each target has."""
    counts = zip(form.targets, (~y.isnan()).sum(0).tolist(), strict=True)
    return ", ".join(f"{name} ({count})" for name, count in counts)


__all__ = ["rows_of_new_classes", "rows_of_new_task"]
