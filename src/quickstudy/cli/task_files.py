"""A new task's files: how they become what a model was trained on, and what of it is kept for predicting."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import UserError, require
from quickstudy.learners import Learner
from quickstudy.models import traits
from quickstudy.tasks import ImageForm
from quickstudy.tasks.images import image_files
from quickstudy.tasks.table import read_table
from quickstudy.tasks.table_file import TableFile
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import describe_adapted

HANDWRITING = ("glyphs", "omniglot")
"""Sources whose ink is 1 on 0."""


@dataclass(frozen=True)
class Task:
    """What predicting needs to know of a mastered task besides the learner.

    Attributes:
        outputs: The names of the classes, or of the targets.
        classifies: Whether they are classes.
        form: What images are brought to, where the task's inputs are images.
        columns: The columns that are the inputs, where the task's inputs are lines of a table.
        table: What a table's rows become, where the learner was fitted to a table.
    """

    outputs: tuple[str, ...]
    classifies: bool
    form: ImageForm | None = None
    columns: tuple[str, ...] = ()
    table: TableForm | None = None

    def to_dict(self) -> dict[str, Any]:
        """The attributes as plain values."""
        form = None if self.form is None else self.form.to_dict()
        table = None if self.table is None else self.table.to_dict()
        named = {
            "outputs": list(self.outputs),
            "classifies": self.classifies,
            "columns": list(self.columns),
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
            return cls(
                tuple(found["outputs"]), found["classifies"], form, tuple(found["columns"]), table
            )
        except (KeyError, TypeError) as error:
            raise UserError(
                f"File {path} should be one that quickstudy adapt wrote. Found another "
                "description of a task."
            ) from error

    @property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """The names of the classes by target, none for a number; where the task's outputs are not classes."""
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

    def read(self, files: Sequence[Path]) -> tuple[list[dict[str, Any]], Tensor]:
        """Where every example comes from (``file``, and ``example`` in a table), and the examples
        ``[example, *feature]``.

        Raises:
            UserError: If a file is missing or cannot be read.
        """
        if self.table is not None:
            frames = [read_table(path) for path in files]
            places = [
                {"file": str(path), "example": i}
                for path, frame in zip(files, frames, strict=True)
                for i in range(1, len(frame) + 1)
            ]
            return places, torch.cat([self.table.inputs(frame) for frame in frames])
        if self.form is None:
            tables = [TableFile.read(path) for path in files]
            places = [
                {"file": str(table.path), "example": i}
                for table in tables
                for i in range(1, len(table.rows) + 1)
            ]
            return places, torch.cat([table.numbers(self.columns) for table in tables])
        paths = [
            image for path in files for image in (_images_in(path) if path.is_dir() else [path])
        ]
        pixels, _ = self.form.read_all(paths)
        return [{"file": str(path)} for path in paths], pixels.to(torch.get_default_dtype()).mul_(
            1 / 255
        )


def _images_in(folder: Path) -> list[Path]:
    images, _ = image_files(folder)
    require(len(images) > 0, f"Folder {folder} should hold images. Found none directly in it.")
    return images


def source_of(run: Path) -> str:
    """What the run learned from, ``"glyphs"`` or ``"sinusoid"`` say; empty where it is not known."""
    try:
        return str(_described(run)["source"]["source"]).partition("/")[0]
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def table_form_of(run: Path) -> TableForm:
    """What ``quickstudy fit`` made of the rows of its table.

    Raises:
        UserError: If the run does not say.
    """
    try:
        return TableForm.from_dict(_described(run)["table"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{run} should be a run of quickstudy fit, with a table in its run.json. Found "
            "none that can be read."
        ) from error


def _described(run: Path) -> Any:
    return json.loads(((run if run.is_dir() else run.parent) / "run.json").read_text())


def image_form(learner: Learner, source: str, ink: str | None) -> ImageForm:
    """The images that ``learner``'s model takes: those of its Conv4, or square grey ones of as many
    pixels as its MLP has inputs.

    Raises:
        UserError: If the model takes no images, or ``ink`` is asked for with colour.
    """
    said = traits(learner.model)
    if said.image_size is not None:
        size, channels = said.image_size, said.in_channels or 1
    else:
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
