"""Options that are the fields of a dataclass: its docstrings are their texts."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from quickstudy.cli.help import page
from quickstudy.cli.option import GENERAL, Option, options_for
from quickstudy.cli.parsing import values_of, with_defaults
from quickstudy.cli.reader import signature

T = TypeVar("T")
Positional = "Positional"
"""Marks a field that has no flag: ``Annotated[Path, Positional]``."""
Run = Annotated[Path, Positional]


def parse(
    kind: type[T],
    arguments: Sequence[str],
    command: str,
    description: str,
    default: T | None = None,
) -> T:
    """Give the options of a command as a ``kind``, a dataclass.

    Args:
        kind: The dataclass.
        arguments: The words after the command.
        command: The command, for the help.
        description: Its description.
        default: Values of the fields, in place of their defaults.

    Raises:
        UserError: In one line, if an option is wrong.
        SystemExit: After ``--help``.
    """
    options = fields(f"{kind.__module__}:{kind.__qualname__}")
    before = {} if default is None else vars(default)
    return kind(**{**before, **values(options, arguments, command, description)})


def values(
    options: Sequence[Option], arguments: Sequence[str], command: str, description: str
) -> dict[str, Any]:
    """Give the values of all ``options``, by name.

    Raises:
        UserError: In one line, if an option is wrong.
        SystemExit: After ``--help``.
    """
    if asks_for_help(arguments):
        print(page(_usage(command, options), description, options))
        sys.exit(0)
    return with_defaults(options, values_of(options, arguments, command), command)


def _usage(command: str, options: Sequence[Option]) -> str:
    """Write a command with the arguments that have no flag."""
    places = [option.flag for option in options if option.positional]
    return " ".join((command, *places, "[OPTIONS]"))


def fields(path: str, group: str = GENERAL) -> list[Option]:
    """List the options that are the fields of the dataclass at ``path``, read without importing."""
    return options_for(signature(path), group)


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Say whether the help is asked for."""
    before = takewhile(lambda word: word != "--", arguments)
    return any(word in ("-h", "--help") for word in before)


@dataclass(frozen=True)
class TrainingOptions:
    """The options of a training."""

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
    balancer: str = "mean"
    """How the losses of a step's tasks make the step."""
    tasks_per_backward: int | None = None
    """Tasks of one backward pass; the gradient is accumulated over several, to save memory."""
    validate_every: int = 500
    """Steps between validations."""
    validation_tasks: int = 200
    """Frozen tasks of a validation."""
    start_from: Path | None = None
    """Start from the weights of this run, of the same learner and network: MANN learns tasks of
    2 classes first, then of 5."""
    seed: int = 0
    """Seed of all randomness."""


@dataclass(frozen=True)
class MachineOptions:
    """The run's folder, device and checkpoints."""

    out: Path | None = None
    """Folder of the run; by default a new folder in runs, to which runs/latest is a link."""
    resume: bool = False
    """Go on with the run in --out, by default runs/latest."""
    device: str = "cpu"
    """The device: cpu, cuda, cuda:1, mps."""
    threads: int | None = None
    """CPU threads."""
    compile: bool = False
    """Compile the whole step (small networks without batch norm)."""
    checkpoint_seconds: float = 20.0
    """Time between checkpoints."""
    tensorboard: bool = False
    """Write TensorBoard events."""
    classes: tuple[str, ...] = ()
    """Your classes that --start-from uses, as package.module:Class."""


@dataclass(frozen=True)
class NetworkOptions:
    """The network that is learned."""

    model: str | None = None
    """A name of `quickstudy list`, or your class as package.module:Class; by default conv4 for
    images, else mlp."""
    weights: Path | None = None
    """A file of weights to start from."""
    frozen: bool = False
    """Keep all but the head of the network unchanged."""


@dataclass(frozen=True)
class ClassTasks:
    """The shape of a task of classes."""

    way: int = 5
    """Classes of a task."""
    train_way: int | None = None
    """Classes of a task in training, if fewer than --way."""
    shot: int = 1
    """Support examples of a class."""
    query: int = 15
    """Query examples of a class."""


@dataclass(frozen=True)
class OtherTasks:
    """The shape of a task that has no classes."""

    shot: int = 10
    """Support examples of a task."""
    query: int = 10
    """Query examples of a task."""
