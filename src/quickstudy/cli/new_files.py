"""A new task in files of any kind: a folder of images, or a CSV file."""

from collections import Counter
from dataclasses import replace
from typing import Any

from quickstudy.cli.adapting import (
    AdaptOptions,
    NewTask,
    check_classes,
    count_in_words,
    counted,
    indices_of,
    names_in,
    some_of,
)
from quickstudy.cli.task_files import Task, image_form
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.models.protocol import traits
from quickstudy.targets import Numbers
from quickstudy.tasks import ImageForm, Images
from quickstudy.tasks.table_file import TableFile
from quickstudy.training import Trained

Columns = tuple[str, ...]
OF_FUNCTIONS = ("sinusoid", "sinusoid_metasgd", "line", "mixture")
"""Sources whose tasks are functions: they predict the last column of a CSV file."""


def folder_of_images(run: Trained, asked: AdaptOptions) -> NewTask:
    """Read a folder with one subfolder of images for each class."""
    _check_images(run, asked)
    form = _form(run, asked)
    images = Images(asked.support, form.size, form.channels, form.ink)
    names = images.pool.names
    check_classes(names, asked.support)
    return NewTask(Task(names, True, images.form), images.support(), _notes(images))


def _check_images(run: Trained, asked: AdaptOptions) -> None:
    """Raise if an option does not apply to a folder of images, or the run learned no images."""
    require(
        not asked.label and not asked.target,
        "Options --label and --target are for CSV files. The examples are a folder of images.",
    )
    require(
        not run.source_name.startswith("sinusoid"),
        "A folder of images is for models of images. This run learned sinusoids: give a CSV file.",
    )


def _form(run: Trained, asked: AdaptOptions) -> ImageForm:
    """Give the form of the run's images, with the ink that is asked for."""
    known = run.image_form()
    if not known:
        return image_form(run.learner, run.source_name, asked.ink)
    form = ImageForm(**known)
    return form if asked.ink is None else replace(form, ink=asked.ink)


def _notes(images: Images) -> list[str]:
    """Tell how many images there are, and how they were read."""
    pool, form = images.pool, images.form
    counts = Counter(dict(zip(pool.names, pool.size.tolist(), strict=True)))
    colours = "grey" if form.channels == 1 else "colour"
    return [
        count_in_words(counts, "image"),
        *_about_ink(images),
        *_about_skipped(images),
        f"Images are brought to {form.size}×{form.size} pixels, {colours}.",
    ]


def _about_ink(images: Images) -> list[str]:
    """Say how many images were inverted, if the ink was examined."""
    if images.form.ink is None:
        return []
    return [
        f"{images.num_inverted} of {len(images.paths)} images have dark ink on light paper "
        "and were inverted; --ink dark or light decides for all."
    ]


def _about_skipped(images: Images) -> list[str]:
    """Tell which files were left out."""
    if not images.skipped:
        return []
    return [f"Left out: {some_of(list(map(str, images.skipped)))} (no images of a class)."]


def lines_of_table(run: Trained, asked: AdaptOptions) -> NewTask:
    """Read the lines of a CSV file: columns of numbers, and columns of classes or targets."""
    _check_columns(asked)
    inputs = _inputs_of_model(run.learner)
    table = TableFile.read(asked.support)
    targets = asked.target or _usual_targets(run, asked, table)
    if targets:
        return _lines_of_numbers(run.learner, table, targets, inputs)
    return _lines_of_classes(table, asked.label or "label", inputs)


def _check_columns(asked: AdaptOptions) -> None:
    """Raise if an option does not apply to a CSV file."""
    require(asked.ink is None, "Option --ink is for images. The examples are a CSV file.")
    require(
        not (asked.label and asked.target),
        "Options --label (classes) and --target (numbers) exclude each other.",
    )


def _inputs_of_model(learner: Learner) -> int | None:
    """Give the number of inputs of the network, if it is known.

    Raises:
        UserError: If it takes images.
    """
    model: Any = learner.model
    said = traits(model)
    require(
        said.takes != "images",
        "A CSV file is for models of numbers. This one takes images: give a folder with one "
        "subfolder for each class.",
    )
    return said.inputs


def _usual_targets(run: Trained, asked: AdaptOptions, table: TableFile) -> Columns:
    """Name the last column, if the run learned functions and no classes are asked for."""
    functions = run.source_name in OF_FUNCTIONS
    return table.columns[-1:] if functions and asked.label is None else ()


def _lines_of_numbers(
    learner: Learner, table: TableFile, targets: tuple[str, ...], inputs: int | None
) -> NewTask:
    """Read lines of a CSV file whose ``targets`` are numbers."""
    reason = learner.serves(Numbers((len(targets),)))
    require(
        reason is None,
        f"{type(learner).__name__} cannot predict {', '.join(targets)}. {reason} "
        "Option --label names the column of the classes.",
    )
    columns = _input_columns(table, targets, inputs)
    x = table.numbers(columns)
    support = Batch.of(x, table.numbers(targets))
    return NewTask(Task(targets, False, columns=columns), support, [f"{len(x)} examples."])


def _lines_of_classes(table: TableFile, label: str, inputs: int | None) -> NewTask:
    """Read lines of a CSV file whose column ``label`` holds their classes."""
    require(
        label in table.columns,
        f"{table.path} should have a column of classes, named by --label. Found no {label!r}.",
    )
    columns = _input_columns(table, (label,), inputs)
    x = table.numbers(columns)
    found = table.cells(label)
    names = names_in(found)
    check_classes(names, table.path)
    support = Batch.of(x, indices_of(found, names))
    task = Task(names, True, columns=columns, label=label)
    return NewTask(task, support, [counted(found, "example")])


def _input_columns(table: TableFile, wanted: Columns, inputs: int | None) -> Columns:
    """List the inputs of the model: the columns that are not ``wanted`` as answers."""
    columns = tuple(name for name in table.columns if name not in wanted)
    require(
        inputs in (None, len(columns)),
        f"The columns of {table.path} besides {', '.join(sorted(set(wanted)))} should be the "
        f"{inputs} inputs of the model. Found {len(columns)}: {', '.join(columns)}.",
    )
    return columns


__all__ = ["folder_of_images", "lines_of_table"]
