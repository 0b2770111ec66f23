"""Command-line options, generated from dataclasses."""

import contextlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro

from quickstudy.balance import BalancerName
from quickstudy.errors import UserError

T = TypeVar("T")
Run = Annotated[Path, tyro.conf.Positional]


def parse(
    kind: type[T],
    arguments: Sequence[str],
    command: str,
    description: str,
    default: T | None = None,
) -> T:
    """``arguments`` as a ``kind``.

    Raises:
        UserError: In one line, where an option is wrong.
        SystemExit: After ``--help``.
    """
    errors = io.StringIO()
    options: dict[str, Any] = {} if default is None else {"default": default}
    try:
        with contextlib.redirect_stderr(errors):
            return tyro.cli(
                kind,
                prog=f"quickstudy {command}",
                description=description,
                args=list(arguments),
                **options,
            )
    except SystemExit as exit_:
        if exit_.code in (0, None):
            raise
        raise UserError(
            f"{_in_one_line(errors.getvalue())}. See: quickstudy {command} --help"
        ) from None


def _in_one_line(box: str) -> str:
    """What tyro's box of an error says, without its frame, its title and its help texts.

    A box is a title, what is wrong, and after rules suggestions and help.
    """
    rows = [row.strip(" │|╭╮╰╯+") for row in re.sub(r"\x1b\[[0-9;]*m", "", box).splitlines()]
    parts: list[list[str]] = [[]]
    for row in rows[1:]:
        if set(row) <= set("─-"):
            parts.append([])
        else:
            parts[-1].append(row)
    parts = [part for part in parts if part] or [rows]
    wrong = " ".join(parts[0]).replace("{None}|", "").removesuffix(".")
    wrong = re.sub(r"^Error parsing ", "Option ", wrong)
    wrong = (
        re.sub(r"^Missing from quickstudy [\w ]+:", "Missing:", wrong)
        .replace(" (required)", "")
        .removesuffix(".")
    )
    meant = [
        row.split()[0]
        for part in parts
        if part[:1] == ["Perhaps you meant:"]
        for row in part
        if row.startswith("--")
    ]
    return wrong + (f". Perhaps you meant {meant[0]}" if meant else "")


@dataclass(frozen=True)
class Data:
    """Where tasks come from."""

    data: Literal["glyphs", "omniglot", "sinusoid"] = "glyphs"
    """Source of the tasks; glyphs and sinusoid need no files."""
    root: Path | None = None
    """Folder of the data (omniglot)."""
    cache: Path | None = None
    """Folder for the packed data; by default the user's cache folder."""
    split_by: Literal["alphabets", "vinyals"] = "alphabets"
    """Omniglot's split: background and evaluation alphabets, or Vinyals's files."""
    validation_alphabets: int = 5
    """Background alphabets kept for validation (omniglot by alphabets); 0 trains on all of them without validation."""
    rotations: Literal["classes", "task", "none"] = "classes"
    """Rotated characters in training: classes of their own, one drawn for each task's class, or none."""
    variant: Literal["maml", "metasgd", "mixture"] = "maml"
    """Family of sinusoids; in a mixture every second task is a straight line, the others are those of MAML."""


@dataclass(frozen=True)
class Tasks:
    """What a task looks like; what is not given is as in training."""

    way: int | None = None
    """Classes of a task."""
    shot: int | None = None
    """Support examples (of a class)."""
    query: int | None = None
    """Query examples (of a class); 15 by default, 100 for sinusoids."""
    within_group: bool = False
    """Draw each task's classes from one alphabet or script."""
    split: Literal["train", "validation", "test"] = "test"
    """Classes to draw from."""
    root: Path | None = None
    """Folder of the data, where it is not where it was in training."""
    num_tasks: int = 1000
    """Tasks to evaluate on."""
    seed: int = 0
    """Seed of the tasks: the same seed gives the same tasks to every learner."""
    steps: int | None = None
    """Inner steps; by default the learner's own."""
    statistics: Literal["support", "transductive"] | None = None
    """Batch statistics of a gradient learner, other than in training."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""
    json: bool = False
    """Print one JSON object on standard output."""


@dataclass(frozen=True)
class Training(Data):
    """How a run is trained."""

    way: int = 5
    """Classes of a task."""
    train_way: int | None = None
    """Classes of a task in training, where they are to be fewer."""
    shot: int = 1
    """Support examples (of a class)."""
    query: int = 15
    """Query examples (of a class)."""
    steps: int = 2000
    """Outer steps."""
    tasks_per_step: int = 4
    """Tasks of a step; in Finetune's pre-training on classes, examples of a batch."""
    lr: float = 1e-3
    """Outer learning rate."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Outer optimiser."""
    schedule: Literal["constant", "cosine", "linear"] = "cosine"
    """How the outer learning rate falls to 0 over the steps."""
    clip_gradient: float | None = None
    """Largest norm of the outer gradient."""
    balancer: BalancerName = "mean"
    """How the losses of a step's tasks make it: mean, or random, pcgrad, cagrad, mgda, alignedmtl, upgrad for tasks that conflict."""
    tasks_per_backward: int | None = None
    """Accumulate the gradient over so many tasks at a time, to save memory."""
    validate_every: int = 500
    """Steps between validations."""
    validation_tasks: int = 200
    """Frozen tasks of a validation."""
    model: Literal["conv4", "mlp"] | None = None
    """Network; by default conv4 for images, mlp for sinusoids."""
    channels: int = 64
    """Filters of conv4."""
    last_channels: int | None = None
    """Filters of conv4's last block; by default as many."""
    downsample: Literal["max", "stride"] = "max"
    """How conv4 halves the image: max-pooling, or stride 2 and a mean over space."""
    hidden: tuple[int, ...] = (40, 40)
    """Widths of mlp's hidden layers."""
    init: Literal["default", "truncated_normal"] = "default"
    """Initial weights of mlp."""
    compile: bool = False
    """Compile the whole step (small networks without batch norm)."""
    checkpoint_seconds: float = 20.0
    """Time between checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard events."""
    start_from: Path | None = None
    """Start from the weights of this run, of the same learner and network: MANN learns tasks of 2 classes first, then of 5."""
    resume: bool = False
    """Go on with the run in --out."""
    seed: int = 0
    """Seed of all randomness."""
    device: str = "cpu"
    """Where to compute: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""
    out: Path = field(default=Path("runs/latest"))
    """The run's folder."""
