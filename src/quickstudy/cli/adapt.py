"""``quickstudy adapt``."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from rich.console import Console

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
from quickstudy.tasks.table import class_name, read_table
from quickstudy.tasks.table_file import TableFile
from quickstudy.tasks.table_form import TableForm
from quickstudy.training import Trained, save_adapted
from quickstudy.training.collect import device_of

OF_FUNCTIONS = ("sinusoid", "sinusoid_metasgd", "line", "mixture")
"""Sources whose tasks are functions: the last column of a CSV file is what they predict."""


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
    """Columns of a CSV file that are to be predicted (regression); by default the last where the
    run learned sinusoids."""
    classes: tuple[str, ...] = ()
    """Classes of your own that the run is made of, as package.module:Class."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""


def main(arguments: Sequence[str]) -> int:
    """Adapt a run's learner to a new task and save both."""
    asked = parse(
        AdaptOptions, arguments, "adapt", "Master a new task from a folder of images or a CSV file."
    )
    use_threads(asked.threads)
    where = device(asked.device)
    run = Trained.near(asked.run, classes=asked.classes)
    learner = run.learner.to(where)
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


def _read(run: Trained, asked: AdaptOptions) -> tuple[Task, Batch, list[str]]:
    """The new task's examples, as those of training were read."""
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
    """The classes of the table that it learned from; None if new ones are learned."""
    form = run.table_form()
    return None if form is None else form.classes


def _from_folder(run: Trained, asked: AdaptOptions) -> tuple[Task, Batch, list[str]]:
    require(
        not asked.label and not asked.target,
        "Options --label and --target are for CSV files. The examples are a folder of images.",
    )
    require(
        not run.source_name.startswith("sinusoid"),
        "A folder of images is for models of images. This run learned sinusoids: give a CSV file.",
    )
    known = run.image_form()
    if asked.ink is not None:
        known["ink"] = asked.ink
    form = (
        ImageForm(**known)
        if run.image_form()
        else image_form(run.learner, run.source_name, asked.ink)
    )
    images = Images(asked.support, form.size, form.channels, form.ink)
    _two_classes(images.pool.names, asked.support)
    size, total, inverted = images.form.size, len(images.paths), images.num_inverted
    notes = [
        _counts(
            Counter(dict(zip(images.pool.names, images.pool.size.tolist(), strict=True))), "image"
        )
    ]
    if images.form.ink is not None:
        notes.append(
            f"{inverted} of {total} images have dark ink on light paper and were inverted; "
            "--ink dark or light decides for all."
        )
    if images.skipped:
        notes.append(
            f"Left out: {_some([str(path) for path in images.skipped])} (no images of a class)."
        )
    notes.append(
        f"Images are brought to {size}×{size} pixels, "
        f"{'grey' if images.form.channels == 1 else 'colour'}."
    )
    return Task(images.pool.names, True, images.form), images.support(), notes


def _from_table(run: Trained, asked: AdaptOptions) -> tuple[Task, Batch, list[str]]:
    learner = run.learner
    require(asked.ink is None, "Option --ink is for images. The examples are a CSV file.")
    require(
        not (asked.label and asked.target),
        "Options --label (classes) and --target (numbers) exclude each other.",
    )
    model: Any = learner.model
    said = traits(model)
    require(
        said.takes != "images",
        "A CSV file is for models of numbers. This one takes images: give a folder with one "
        "subfolder for each class.",
    )
    table = TableFile.read(asked.support)
    targets = asked.target or (
        table.columns[-1:] if run.source_name in OF_FUNCTIONS and asked.label is None else ()
    )
    reason = learner.serves(Numbers((len(targets),))) if targets else None
    require(
        reason is None,
        f"{type(learner).__name__} cannot predict {', '.join(targets)}. {reason} "
        "Option --label names the column of the classes.",
    )
    label = asked.label or "label"
    wanted = set(targets) if targets else {label}
    require(
        bool(targets) or label in table.columns,
        f"{table.path} should have a column of classes, named by --label. Found no {label!r}.",
    )
    columns = tuple(name for name in table.columns if name not in wanted)
    inputs = said.inputs
    require(
        inputs in (None, len(columns)),
        f"The columns of {table.path} besides {', '.join(sorted(wanted))} should be the "
        f"{inputs} inputs of the model. "
        f"Found {len(columns)}: {', '.join(columns)}.",
    )
    x = table.numbers(columns)
    if targets:
        return (
            Task(targets, False, columns=columns),
            Batch.of(x, table.numbers(targets)),
            [f"{len(x)} examples."],
        )
    labels = table.cells(label)
    names = tuple(dict.fromkeys(labels))
    _two_classes(names, table.path)
    return (
        Task(names, True, columns=columns, label=label),
        Batch.of(x, [names.index(name) for name in labels]),
        [_counts(Counter(labels), "example")],
    )


def _new_classes(asked: AdaptOptions, rows: Rows) -> tuple[Task, Batch, list[str]]:
    """Rows of new classes of the table that the run learned from."""
    given = asked.ink is not None or asked.label is not None or bool(asked.target)
    message = "Options --ink, --label and --target are not needed: this run knows its table."
    require(not given, message)
    label, frame = str(rows.label), read_table(asked.support)
    check_columns(frame, [label])
    frame = frame[frame[label].notna()]
    found = frame[label].map(class_name).tolist()
    names = tuple(dict.fromkeys(found))
    _two_classes(names or ("none",), asked.support)
    form = TableForm(rows.encoder, (label,), classes=names)
    columns = tuple(column.name for column in form.encoder.columns)
    task = Task(names, True, columns=columns, table=form, label=label)
    support = Batch.of(form.inputs(frame), [names.index(name) for name in found])
    return task, support, [_counts(Counter(found), "example")]


def _from_rows(asked: AdaptOptions, form: TableForm) -> tuple[Task, Batch, list[str]]:
    """Rows of a new task of the table that the run was fitted to."""
    given = asked.ink is not None or asked.label is not None or bool(asked.target)
    require(
        not given,
        "Options --ink, --label and --target are not needed: this run knows the columns of "
        "its table.",
    )
    frame = read_table(asked.support)
    labelled = form.labelled(frame)
    wanted = (" or " if form.labels else ", ").join(form.targets)
    require(bool(labelled.any()), f"{asked.support} should have a row with {wanted}. Found none.")
    x, y = form.inputs(frame[labelled]), form.outputs(frame[labelled])
    notes = [f"{len(x)} examples."]
    if form.classes:
        notes = [
            _counts(
                Counter({name: int((y == index).sum()) for index, name in enumerate(form.classes)}),
                "example",
            )
        ]
    if form.labels:
        counts = zip(form.targets, (~y.isnan()).sum(0).tolist(), strict=True)
        notes = [
            f"{len(x)} examples, with labels of "
            f"{', '.join(f'{name} ({count})' for name, count in counts)}."
        ]
    if not labelled.all():
        notes.append(f"{int((~labelled).sum())} rows without a target were left out.")
    columns = tuple(column.name for column in form.encoder.columns)
    return (
        Task(form.classes or form.targets, bool(form.classes), columns=columns, table=form),
        Batch.of(x, y, form.target),
        notes,
    )


def _two_classes(names: Sequence[str], path: Path) -> None:
    require(
        len(names) >= 2,
        f"A task should have at least two classes. Found one in {path}: {names[0]!r}.",
    )


def _check_outputs(learner: Learner, support: Batch) -> None:
    """Raise if the learner does not serve the task, or its network has other outputs."""
    learner.check(support.target)
    if learner.any_way and support.target.way:
        return
    with evaluating(learner), torch.no_grad():
        x = support.x[:, :1].to(device_of(learner))
        outputs = learner.scores(learner.adapt(support[:1].to(x.device), 0), x).shape[2]
    wanted = support.target.scores
    require(
        wanted == outputs or (bool(support.target.way) and wanted <= outputs),
        f"This {type(learner).__name__} has {outputs} learned outputs. Found a task of {wanted}: "
        f"for classes train with --way {wanted}, or a learner of any way (protonet, r2d2, "
        "finetune, or --shared-head).",
    )


def _counts(counts: Counter[str], word: str) -> str:
    parts = [f"{name} ({count} {word}{'s' * (count != 1)})" for name, count in counts.items()]
    return f"{len(counts)} classes: {_some(parts)}."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
