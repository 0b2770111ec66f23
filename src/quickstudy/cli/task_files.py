"""A new task's files as a model takes them, and the facts that predicting needs."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.models.protocol import Traits, traits
from quickstudy.tasks import ImageForm
from quickstudy.tasks.arrays import is_missing
from quickstudy.tasks.image_folder import folders_in, image_files
from quickstudy.tasks.table import class_name, read_table
from quickstudy.tasks.table_file import TableFile
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import describe_adapted

HANDWRITING = ("glyphs", "omniglot")
"""Sources whose images have ink 1 on paper 0."""
CLASS = "class"
"""The name of the answer of an image."""


@dataclass(frozen=True)
class FileExamples:
    """Examples to predict.

    Attributes:
        places: The place of every example: ``file``, and ``example`` in a table.
        x: The examples ``[example, *feature]``.
        truths: The known answers of every example: text by the name of the target.
        task: The place of every example's task among those that were mastered ``[example]``.
    """

    places: list[dict[str, Any]]
    x: Tensor
    truths: list[dict[str, str]]
    task: Tensor

    @classmethod
    def joined(cls, parts: Sequence["FileExamples"]) -> "FileExamples":
        """Concatenate the examples of several files."""
        places = [place for part in parts for place in part.places]
        truths = [truth for part in parts for truth in part.truths]
        x, task = torch.cat([part.x for part in parts]), torch.cat([part.task for part in parts])
        return cls(places, x, truths, task)

    @classmethod
    def of_one(
        cls, places: list[dict[str, Any]], x: Tensor, truths: list[dict[str, str]]
    ) -> "FileExamples":
        """Give examples of the only task."""
        return cls(places, x, truths, torch.zeros(len(x), dtype=torch.long))

    def to(self, device: torch.device) -> "FileExamples":
        """Give the examples on a device."""
        return replace(self, x=self.x.to(device))


@dataclass(frozen=True)
class Task:
    """Facts of a mastered task that predicting needs besides the learner.

    Attributes:
        outputs: The names of the classes, or of the targets.
        classifies: Whether they are classes.
        form: The form of images, if the inputs are images.
        columns: The columns of the inputs, if these are lines of a table.
        table: How the rows of a table are read, if the learner was fitted to one.
        label: The column of the classes, if the inputs are lines of a table.
        tasks: The names of the tasks that were mastered, if the rows of a table named them.
    """

    outputs: tuple[str, ...]
    classifies: bool
    form: ImageForm | None = None
    columns: tuple[str, ...] = ()
    table: TableForm | None = None
    label: str | None = None
    tasks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Give the attributes as plain values."""
        return {
            "outputs": list(self.outputs),
            "classifies": self.classifies,
            "columns": list(self.columns),
            "label": self.label,
            "tasks": list(self.tasks),
            "form": None if self.form is None else self.form.to_dict(),
            "table": None if self.table is None else self.table.to_dict(),
        }

    @classmethod
    def of(cls, path: Path) -> "Task":
        """Read the task in a file that ``quickstudy adapt`` wrote.

        Raises:
            UserError: If it is another file.
        """
        try:
            return cls._of_values(describe_adapted(path))
        except (KeyError, TypeError) as error:
            raise UserError(
                f"File {path} should be one that quickstudy adapt wrote. Found another "
                "description of a task."
            ) from error

    @classmethod
    def _of_values(cls, found: dict[str, Any]) -> "Task":
        """Make a task from plain values; old files lack table and label."""
        form, table = found["form"], found.get("table")
        return cls(
            tuple(found["outputs"]),
            found["classifies"],
            None if form is None else ImageForm(**form),
            tuple(found["columns"]),
            None if table is None else TableForm.from_dict(table),
            found.get("label"),
            tuple(found.get("tasks", ())),
        )

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes; None if the task has targets instead."""
        return self.outputs if self.classifies else None

    @property
    def ink(self) -> str | None:
        """The ink of its images; None if they stay unchanged, or there are no images."""
        return None if self.form is None else self.form.ink

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes by target; empty for a number."""
        return dict.fromkeys(self.outputs, ()) if self.table is None else self.table.by_target

    @property
    def example(self) -> tuple[int, ...]:
        """The shape of an input."""
        if self.table is not None:
            return (len(self.table.encoder.names),)
        return (len(self.columns),) if self.form is None else _shape(self.form)

    def read(self, files: Sequence[Path]) -> FileExamples:
        """Read examples to predict, and their answers if the files hold them.

        Raises:
            UserError: If a file is missing or cannot be read.
        """
        if self.form is not None:
            return self._images(self.form, files)
        read = self._lines if self.table is None else self._rows
        return FileExamples.joined([read(path) for path in files])

    def _lines(self, path: Path) -> FileExamples:
        """Read lines of a CSV file."""
        table = TableFile.read(path)
        count = len(table.rows)
        columns = {name: table.texts(name) for name in self._answers_in(table)}
        truths = [{name: cells[i] for name, cells in columns.items()} for i in range(count)]
        return FileExamples.of_one(_places(path, count), table.numbers(self.columns), truths)

    def _answers_in(self, table: TableFile) -> list[str]:
        """Name the columns of a CSV file that hold the answers, if it has them all."""
        if self.classifies and self.label is None:
            return []
        names = [self.label] if self.label is not None else list(self.outputs)
        return names if set(names) <= set(table.columns) else []

    def _rows(self, path: Path) -> FileExamples:
        """Read rows of a table with the columns of the table that the run learned from."""
        assert self.table is not None
        frame = read_table(path, self.table.schema.asked)
        places, task = _places(path, len(frame)), self._tasks_of(frame, path)
        if len(self.tasks) > 1:
            for place, index in zip(places, task.tolist(), strict=True):
                place["task"] = self.tasks[index]
        return FileExamples(places, self.table.inputs(frame), self._truths(frame), task)

    def _truths(self, frame: pd.DataFrame) -> list[dict[str, str]]:
        """Give the known answers of every row; a column that cannot be read has no answers."""
        assert self.table is not None
        truths: list[dict[str, str]] = [{} for _ in range(len(frame))]
        for name in self.table.targets:
            _add_answers(truths, name, self._answers(frame, name))
        return truths

    def _answers(self, frame: pd.DataFrame, name: str) -> list[Any]:
        """Give the cells of a target; empty if there is no such column or it cannot be read."""
        assert self.table is not None
        if name not in frame.columns:
            return []
        kind: Any = "category" if self.labels.get(name) or self.classifies else "number"
        try:
            return self.table.schema.column(name, kind).read(frame[name]).tolist()
        except UserError:
            return []

    def _tasks_of(self, frame: pd.DataFrame, path: Path) -> Tensor:
        """Give the place of every row's task among those that were mastered.

        Raises:
            UserError: If a row is of another task, or several were mastered and the file does not
                name one.
        """
        assert self.table is not None
        column = self.table.schema.task
        said = column is not None and column in frame.columns and frame[column].notna().any()
        if said and self.tasks:
            return self._task_places(frame[column], path)
        require(
            len(self.tasks) < 2,
            f"{path} should say the task of every row in column {column!r}: {len(self.tasks)} "
            "tasks were mastered. Found no such column.",
        )
        return torch.zeros(len(frame), dtype=torch.long)

    def _task_places(self, column: "pd.Series[Any]", path: Path) -> Tensor:
        """Give the place of every named task among those that were mastered ``[row]``."""
        assert self.table is not None
        names = self.table.schema.column(str(column.name), "category").read(column)
        found = pd.Index(self.tasks, dtype=object).get_indexer(names.astype(object))
        other = names[found < 0].unique().tolist()
        require(
            not other,
            f"Column {column.name!r} of {path} should hold tasks that were mastered: "
            f"{', '.join(self.tasks[:20])}. Found {other[:1]}.",
        )
        return torch.from_numpy(found.astype("int64"))

    def _images(self, form: ImageForm, files: Sequence[Path]) -> FileExamples:
        """Read images; images in a folder named after a class have that class as their answer."""
        paths = [image for path in files for image in images_below(path)]
        pixels, _ = form.read_all(paths)
        x = pixels.to(torch.get_default_dtype()).mul_(1 / 255)
        truths = [self._answer_of(path) for path in paths]
        return FileExamples.of_one([{"file": str(path)} for path in paths], x, truths)

    def _answer_of(self, path: Path) -> dict[str, str]:
        """Give the class of an image, if its folder is named after a class."""
        name = _folder_name(path)
        return {CLASS: name} if name in self.outputs else {}


def _folder_name(path: Path) -> str:
    """Give the name of a file's folder, as the names of classes are written."""
    return unicodedata.normalize("NFC", path.parent.name).strip()


def _shape(form: ImageForm) -> tuple[int, int, int]:
    return form.channels, form.size, form.size


def _places(path: Path, count: int) -> list[dict[str, Any]]:
    """Give the place of every line of a file."""
    return [{"file": str(path), "example": i + 1} for i in range(count)]


def _add_answers(truths: list[dict[str, str]], name: str, answers: list[Any]) -> None:
    """Add the answers of a target, if there are any, to the known answers."""
    for truth, value in zip(truths, answers, strict=False):
        if not is_missing(value):
            truth[name] = class_name(value)


def images_below(path: Path) -> list[Path]:
    """Give the images in a folder and the folders in it; or the file itself.

    Raises:
        UserError: If there is no image.
    """
    if not path.is_dir():
        return [path]
    found = list(image_files(path)[0])
    for folder in filter(has_image_below, folders_in(path)):
        found += images_below(folder)
    require(len(found) > 0, f"Folder {path} should hold images. Found none in it.")
    return found


def has_image_below(path: Path) -> bool:
    """Say whether there is an image in a folder or in one of the folders in it."""
    return bool(image_files(path)[0]) or any(map(has_image_below, folders_in(path)))


def image_form(learner: Learner, source: str, ink: str | None) -> ImageForm:
    """Give the form of the images that the model of ``learner`` takes.

    They fit its Conv4, or are square and grey with as many pixels as its MLP has inputs.

    Raises:
        UserError: If the model takes no images, or ``ink`` is asked for with colour.
    """
    model: Any = learner.model
    size, channels = _size_and_channels(traits(model))
    require(
        channels == 1 or ink is None,
        "Option --ink is for models of grey images. This one takes colour.",
    )
    chosen: Any = ink or ("auto" if source in HANDWRITING else None)
    return ImageForm(size, channels, chosen)


def _size_and_channels(said: Traits) -> tuple[int, int]:
    """Give the size and the channels of the images that a model takes.

    Raises:
        UserError: If it takes no images.
    """
    if said.image_size is not None and said.in_channels is not None:
        return said.image_size, said.in_channels
    inputs = said.inputs or 0
    size = math.isqrt(inputs)
    require(
        size > 1 and size**2 == inputs,
        f"A folder of images is for models of images. This one takes {inputs} numbers: "
        "give a CSV file with a column for each.",
    )
    return size, 1


__all__ = ["CLASS", "FileExamples", "Task", "has_image_below", "image_form", "images_below"]
