"""A new task's files, as a model takes them, and what is kept of them for predicting."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.models.protocol import traits
from quickstudy.tasks import ImageForm
from quickstudy.tasks.arrays import is_missing
from quickstudy.tasks.image_folder import folders_in, image_files
from quickstudy.tasks.table import class_name, read_table
from quickstudy.tasks.table_file import TableFile
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import describe_adapted

HANDWRITING = ("glyphs", "omniglot")
"""Sources whose ink is 1 on 0."""


CLASS = "class"
"""The name of the answer of an image."""


@dataclass(frozen=True)
class Examples:
    """Examples to predict.

    Attributes:
        places: Where every example comes from: ``file``, and ``example`` in a table.
        x: The examples ``[example, *feature]``.
        truths: What is known of the answers of every example: text by the name of the target.
    """

    places: list[dict[str, Any]]
    x: Tensor
    truths: list[dict[str, str]]

    @classmethod
    def joined(cls, parts: Sequence["Examples"]) -> "Examples":
        """Give the examples of several files one after the other."""
        places = [place for part in parts for place in part.places]
        truths = [truth for part in parts for truth in part.truths]
        return cls(places, torch.cat([part.x for part in parts]), truths)


@dataclass(frozen=True)
class Task:
    """What predicting needs to know of a mastered task besides the learner.

    Attributes:
        outputs: The names of the classes, or of the targets.
        classifies: Whether they are classes.
        form: What images are brought to, where the task's inputs are images.
        columns: The columns that are the inputs, where the task's inputs are lines of a table.
        table: What a table's rows become, where the learner was fitted to a table.
        label: The column of the classes, where the task's inputs are lines of a table.
    """

    outputs: tuple[str, ...]
    classifies: bool
    form: ImageForm | None = None
    columns: tuple[str, ...] = ()
    table: TableForm | None = None
    label: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The attributes as plain values."""
        form = None if self.form is None else self.form.to_dict()
        table = None if self.table is None else self.table.to_dict()
        named = {
            "outputs": list(self.outputs),
            "classifies": self.classifies,
            "columns": list(self.columns),
            "label": self.label,
        }
        return {**named, "form": form, "table": table}

    @classmethod
    def of(cls, path: Path) -> "Task":
        """The task in a file that ``quickstudy adapt`` wrote.

        Raises:
            UserError: If it is another file.
        """
        found = describe_adapted(path)
        try:
            form = None if found["form"] is None else ImageForm(**found["form"])
            table = None if found.get("table") is None else TableForm.from_dict(found["table"])
            names, columns = tuple(found["outputs"]), tuple(found["columns"])
            return cls(names, found["classifies"], form, columns, table, found.get("label"))
        except (KeyError, TypeError) as error:
            raise UserError(
                f"File {path} should be one that quickstudy adapt wrote. Found another "
                "description of a task."
            ) from error

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes by target, none for a number."""
        return dict.fromkeys(self.outputs, ()) if self.table is None else self.table.by_target

    @property
    def example(self) -> tuple[int, ...]:
        """The shape of an input."""
        if self.table is not None:
            return (len(self.table.encoder.names),)
        return (
            (len(self.columns),)
            if self.form is None
            else (self.form.channels, self.form.size, self.form.size)
        )

    def read(self, files: Sequence[Path]) -> Examples:
        """Read examples to predict, and their answers if the files hold them.

        Raises:
            UserError: If a file is missing or cannot be read.
        """
        if self.form is not None:
            return self._images(self.form, files)
        parts = [self._rows(path) if self.table is None else self._frame(path) for path in files]
        return Examples.joined(parts)

    def _rows(self, path: Path) -> Examples:
        """Lines of a CSV file."""
        table = TableFile.read(path)
        places = [{"file": str(path), "example": i + 1} for i in range(len(table.rows))]
        answers = [self.label] if self.label is not None else list(self.outputs)
        known = set(answers) <= set(table.columns) and not (self.classifies and self.label is None)
        columns = {name: table.texts(name) for name in answers} if known else {}
        truths = [{name: cells[i] for name, cells in columns.items()} for i in range(len(places))]
        return Examples(places, table.numbers(self.columns), truths)

    def _frame(self, path: Path) -> Examples:
        """Rows of a table with the columns of the one the run learned from."""
        assert self.table is not None
        frame = read_table(path)
        places = [{"file": str(path), "example": i + 1} for i in range(len(frame))]
        known = [name for name in self.table.targets if name in frame.columns]
        truths: list[dict[str, str]] = [{} for _ in places]
        for name in known:
            for truth, value in zip(truths, frame[name], strict=True):
                if not is_missing(value):
                    truth[name] = class_name(value)
        return Examples(places, self.table.inputs(frame), truths)

    def _images(self, form: ImageForm, files: Sequence[Path]) -> Examples:
        """Images; those in a folder that is called as a class have it as their answer."""
        paths = [image for path in files for image in images_below(path)]
        pixels, _ = form.read_all(paths)
        folders = [unicodedata.normalize("NFC", path.parent.name).strip() for path in paths]
        truths = [{CLASS: name} if name in self.outputs else {} for name in folders]
        x = pixels.to(torch.get_default_dtype()).mul_(1 / 255)
        return Examples([{"file": str(path)} for path in paths], x, truths)


def images_below(path: Path) -> list[Path]:
    """Give the images in a folder and the folders in it; or the file itself.

    Raises:
        UserError: If there is none.
    """
    if not path.is_dir():
        return [path]
    found = list(image_files(path)[0])
    for folder in folders_in(path):
        found += images_below(folder) if holds_images(folder) else []
    require(len(found) > 0, f"Folder {path} should hold images. Found none in it.")
    return found


def holds_images(path: Path) -> bool:
    """Whether there is an image in a folder or in one of the folders in it."""
    return bool(image_files(path)[0]) or any(map(holds_images, folders_in(path)))


def image_form(learner: Learner, source: str, ink: str | None) -> ImageForm:
    """The images that ``learner``'s model takes.

    Those of its Conv4, or square grey ones of as many pixels as its MLP has inputs.

    Raises:
        UserError: If the model takes no images, or ``ink`` is asked for with colour.
    """
    model: Any = learner.model
    said = traits(model)
    size, channels = said.image_size, said.in_channels
    if size is None or channels is None:
        inputs = said.inputs or 0
        size, channels = math.isqrt(inputs), 1
        require(
            size > 1 and size**2 == inputs,
            f"A folder of images is for models of images. This one takes {inputs} numbers: "
            "give a CSV file with a column for each.",
        )
    require(
        channels == 1 or ink is None,
        "Option --ink is for models of grey images. This one takes colour.",
    )
    chosen = ink or ("auto" if source in HANDWRITING else None)
    return ImageForm(size, channels, chosen)  # type: ignore[arg-type]
