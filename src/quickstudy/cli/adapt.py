"""``quickstudy adapt``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from rich.console import Console
from torch import Tensor

from quickstudy.cli.machine import device, use_threads
from quickstudy.cli.options import Positional, Run, parse
from quickstudy.cli.task_files import Task, image_form
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.learners.learner import evaluating
from quickstudy.models.protocol import traits
from quickstudy.targets import Numbers
from quickstudy.tasks import ImageForm, Images, Rows
from quickstudy.tasks.encoder import check_columns
from quickstudy.tasks.rows import new_tasks
from quickstudy.tasks.table import read_table
from quickstudy.tasks.table_file import TableFile
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import Trained, save_adapted
from quickstudy.training.collect import device_of

OF_FUNCTIONS = ("sinusoid", "sinusoid_metasgd", "line", "mixture")
"""Sources whose tasks are functions: they predict the last column of a CSV file."""
ANY_WAY = (
    "Train with --way {}, or a learner of any way (protonet, r2d2, finetune, or --shared-head)."
)
PURPOSE = "Master a new task from a folder of images or a CSV file."


@dataclass(frozen=True)
class AdaptOptions:
    """Options of ``quickstudy adapt``."""

    run: Run
    """The run's folder, or a checkpoint."""
    support: Annotated[Path, Positional]
    """The new task's examples: a folder with one subfolder of images for each class, or a CSV
    file."""
    out: Path = Path("task.qs")
    """The file that predict needs; it holds all that is needed."""
    steps: int | None = None
    """Inner steps; by default the learner's own."""
    ink: Literal["auto", "dark", "light"] | None = None
    """Grey images: dark ink is inverted, light ink is not, auto looks at each image's border. By
    default auto for models of glyphs and Omniglot, else images are taken as they are."""
    label: str | None = None
    """Column of a CSV file that holds the classes."""
    target: tuple[str, ...] = ()
    """Columns of a CSV file that are to be predicted (regression); by default the last if the
    run learned sinusoids."""
    classes: tuple[str, ...] = ()
    """Classes of your own that the run is made of, as package.module:Class."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Adapt a run's learner to a new task and save both."""
    asked = parse(AdaptOptions, arguments, "adapt", PURPOSE)
    use_threads(asked.threads)
    where = device(asked.device)
    run = Trained.near(asked.run, classes=asked.classes)
    learner = run.learner.to(where)
    _check(asked, learner)
    task, support, notes = _read(run, asked)
    if task.table is None or task.table.classes != _known_classes(run):
        _check_outputs(learner, support)
    adapted = learner.adapt(support.to(where), asked.steps)
    finite = all(bool(value.isfinite().all()) for value in adapted.values())
    require(
        finite,
        "Adapting diverged: the result is not finite. Take fewer steps with --steps, or look "
        "for wrong numbers in the examples.",
    )
    save_adapted(asked.out, learner, adapted, task.to_dict())
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    for note in notes:
        console.print(note)
    console.print(f"Mastered in {asked.out}. Next:\n  quickstudy predict {asked.out} FILES")
    return 0


def _check(asked: AdaptOptions, learner: Learner) -> None:
    """Raise if an option does not apply, or a file or folder is missing or in the way.

    Raises:
        UserError: If so.
    """
    require(
        asked.steps is None or learner.test_steps > 0,
        "Option --steps is for learners with inner steps. This one has none.",
    )
    require(
        asked.support.exists(),
        "The examples of the new task should be a folder or a CSV file. There is no "
        f"{asked.support}.",
    )
    require(not asked.out.is_dir(), f"Option --out should name a file. {asked.out} is a folder.")


def _read(run: Trained, asked: AdaptOptions) -> tuple[Task, Batch, list[str]]:
    """Read the new task's examples as those of training were read, with notes for the user."""
    rows = run.rows()
    form = run.table_form()
    if form is not None:
        return _from_rows(asked, form)
    if rows is not None:
        return _new_classes(asked, rows)
    if asked.support.is_dir():
        return _from_folder(run, asked)
    return _from_table(run, asked)


def _known_classes(run: Trained) -> tuple[str, ...] | None:
    """Give the classes of the run's table; None if new ones are learned."""
    form = run.table_form()
    return None if form is None else form.classes


def _from_folder(run: Trained, asked: AdaptOptions) -> tuple[Task, Batch, list[str]]:
    """Read a folder with one subfolder of images for each class."""
    require(
        not asked.label and not asked.target,
        "Options --label and --target are for CSV files. The examples are a folder of images.",
    )
    require(
        not run.source_name.startswith("sinusoid"),
        "A folder of images is for models of images. This run learned sinusoids: give a CSV file.",
    )
    form = _form(run, asked)
    images = Images(asked.support, form.size, form.channels, form.ink)
    _two_classes(images.pool.names, asked.support)
    return Task(images.pool.names, True, images.form), images.support(), _notes(images)


def _form(run: Trained, asked: AdaptOptions) -> ImageForm:
    """Give the form of the run's images, with the ink that is asked for."""
    known = run.image_form()
    if not known:
        return image_form(run.learner, run.source_name, asked.ink)
    if asked.ink is not None:
        known["ink"] = asked.ink
    return ImageForm(**known)


def _notes(images: Images) -> list[str]:
    """Tell how many images there are, and how they were read."""
    counts = Counter(dict(zip(images.pool.names, images.pool.size.tolist(), strict=True)))
    notes = [_counts(counts, "image")]
    if images.form.ink is not None:
        notes.append(
            f"{images.num_inverted} of {len(images.paths)} images have dark ink on light paper "
            "and were inverted; --ink dark or light decides for all."
        )
    if images.skipped:
        skipped = _some([str(path) for path in images.skipped])
        notes.append(f"Left out: {skipped} (no images of a class).")
    size = images.form.size
    colours = "grey" if images.form.channels == 1 else "colour"
    notes.append(f"Images are brought to {size}×{size} pixels, {colours}.")
    return notes


def _from_table(run: Trained, asked: AdaptOptions) -> tuple[Task, Batch, list[str]]:
    """Read the lines of a CSV file: columns of numbers, and those of classes or targets."""
    require(asked.ink is None, "Option --ink is for images. The examples are a CSV file.")
    require(
        not (asked.label and asked.target),
        "Options --label (classes) and --target (numbers) exclude each other.",
    )
    model: Any = run.learner.model
    said = traits(model)
    require(
        said.takes != "images",
        "A CSV file is for models of numbers. This one takes images: give a folder with one "
        "subfolder for each class.",
    )
    table = TableFile.read(asked.support)
    functions = run.source_name in OF_FUNCTIONS and asked.label is None
    targets = asked.target or (table.columns[-1:] if functions else ())
    if targets:
        return _numbers(run.learner, table, targets, said.inputs)
    return _classes(table, asked.label or "label", said.inputs)


def _numbers(
    learner: Learner, table: TableFile, targets: tuple[str, ...], inputs: int | None
) -> tuple[Task, Batch, list[str]]:
    """Read lines of a CSV file whose ``targets`` are numbers."""
    reason = learner.serves(Numbers((len(targets),)))
    require(
        reason is None,
        f"{type(learner).__name__} cannot predict {', '.join(targets)}. {reason} "
        "Option --label names the column of the classes.",
    )
    columns = _inputs(table, targets, inputs)
    x = table.numbers(columns)
    support = Batch.of(x, table.numbers(targets))
    return Task(targets, False, columns=columns), support, [f"{len(x)} examples."]


def _classes(table: TableFile, label: str, inputs: int | None) -> tuple[Task, Batch, list[str]]:
    """Read lines of a CSV file whose column ``label`` holds their classes."""
    require(
        label in table.columns,
        f"{table.path} should have a column of classes, named by --label. Found no {label!r}.",
    )
    columns = _inputs(table, (label,), inputs)
    x = table.numbers(columns)
    labels = table.cells(label)
    names = tuple(dict.fromkeys(labels))
    _two_classes(names, table.path)
    task = Task(names, True, columns=columns, label=label)
    support = Batch.of(x, [names.index(name) for name in labels])
    return task, support, [_counts(Counter(labels), "example")]


def _inputs(table: TableFile, wanted: tuple[str, ...], inputs: int | None) -> tuple[str, ...]:
    """List the columns besides those ``wanted`` as answers, the inputs of the model."""
    columns = tuple(name for name in table.columns if name not in wanted)
    require(
        inputs in (None, len(columns)),
        f"The columns of {table.path} besides {', '.join(sorted(set(wanted)))} should be the "
        f"{inputs} inputs of the model. "
        f"Found {len(columns)}: {', '.join(columns)}.",
    )
    return columns


def _new_classes(asked: AdaptOptions, rows: Rows) -> tuple[Task, Batch, list[str]]:
    """Read rows of new classes of the table that the run learned from."""
    given = asked.ink is not None or asked.label is not None or bool(asked.target)
    message = "Options --ink, --label and --target are not needed: this run knows its table."
    require(not given, message)
    label = str(rows.label)
    schema = rows.encoder.schema
    frame = read_table(asked.support, schema.asked)
    check_columns(frame, [label])
    classes = schema.column(label, "category").read(frame[label])
    frame, found = frame[classes.notna()], classes.dropna().tolist()
    names = tuple(dict.fromkeys(found))
    _two_classes(names or ("none",), asked.support)
    form = TableForm(rows.encoder, (label,), classes=names)
    task = Task(names, True, columns=form.encoder.inputs, table=form, label=label)
    support = Batch.of(form.inputs(frame), [names.index(name) for name in found])
    return task, support, [_counts(Counter(found), "example")]


def _from_rows(asked: AdaptOptions, form: TableForm) -> tuple[Task, Batch, list[str]]:
    """Read rows of a new task of the table that the run was fitted to."""
    given = asked.ink is not None or asked.label is not None or bool(asked.target)
    require(
        not given,
        "Options --ink, --label and --target are not needed: this run knows the columns of "
        "its table.",
    )
    frame = read_table(asked.support, form.schema.asked)
    labelled = form.labelled(frame)
    wanted = (" or " if form.labels else ", ").join(form.targets)
    require(bool(labelled.any()), f"{asked.support} should have a row with {wanted}. Found none.")
    tasks = new_tasks(frame, form)
    notes = [_examples(form, tasks.y)]
    if len(tasks.names) > 1:
        notes.insert(0, f"{len(tasks.names)} tasks by {form.schema.task}: {_some(tasks.names)}.")
    if not labelled.all():
        notes.append(f"{int((~labelled).sum())} rows without a target were left out.")
    task = Task(
        form.classes or form.targets,
        bool(form.classes),
        columns=form.encoder.inputs,
        table=form,
        tasks=tuple(filter(None, tasks.names)),
    )
    return task, tasks.batch(), notes


def _examples(form: TableForm, y: Tensor) -> str:
    """Count the examples: by class, or by target if some labels may be missing."""
    if form.labels:
        counts = zip(form.targets, (~y.isnan()).sum(0).tolist(), strict=True)
        told = ", ".join(f"{name} ({count})" for name, count in counts)
        return f"{len(y)} examples, with labels of {told}."
    if form.classes:
        found = {name: int((y == index).sum()) for index, name in enumerate(form.classes)}
        return _counts(Counter(found), "example")
    return f"{len(y)} examples."


def _two_classes(names: Sequence[str], path: Path) -> None:
    """Raise if there is only one class."""
    require(
        len(names) >= 2,
        f"A task should have at least two classes. Found one in {path}: {names[0]!r}.",
    )


def _check_outputs(learner: Learner, support: Batch) -> None:
    """Raise if the learner does not serve the task, or its network has other outputs."""
    target = support.target
    reason = learner.serves(target)
    advice = f" {ANY_WAY.format(target.way)}" if target.way and not learner.any_way else ""
    require(reason is None, f"{type(learner).__name__} cannot serve {target}. {reason}{advice}")
    if learner.any_way and target.way:
        return
    with evaluating(learner), torch.no_grad():
        x = support.x[:, :1].to(device_of(learner))
        outputs = learner.scores(learner.adapt(support[:1].to(x.device), 0), x).shape[2]
    wanted = target.scores
    require(
        wanted == outputs or (bool(target.way) and wanted <= outputs),
        f"This {type(learner).__name__} has {outputs} learned outputs. Found a task of {wanted}."
        f"{advice}",
    )


def _counts(counts: Counter[str], word: str) -> str:
    """Tell how many examples each class has."""
    parts = [f"{name} ({count} {word}{'s' * (count != 1)})" for name, count in counts.items()]
    return f"{len(counts)} classes: {_some(parts)}."


def _some(names: Sequence[str]) -> str:
    """List the first ten names, and how many are left."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
