"""Saving and loading: tensors and JSON in one safetensors file. Loading runs no stored code."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save
from torch import Tensor, nn

from quickstudy.cache import write_atomically
from quickstudy.describe import build, describe
from quickstudy.errors import UserError, require
from quickstudy.learners import Adapted, Learner
from quickstudy.training.named import prefixed, unprefixed
from quickstudy.training.optimizer_state import pack_optimizer
from quickstudy.training.versions import FIRST, FORMAT, upgraded, with_later

Classes = Iterable[str | type]
"""A user's classes that a file may name: the classes, or paths ``"package.module:Class"``."""

Shapes = dict[str, tuple[int, ...]]
"""Shapes of tensors by their names."""


def write(path: Path, tensors: dict[str, Tensor], details: dict[str, Any]) -> None:
    """Write ``tensors`` and JSON ``details`` to ``path``, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owned = {name: _owned(tensor) for name, tensor in tensors.items()}
    write_atomically(path, save(owned, {"format": FORMAT, "details": json.dumps(details)}))


def _owned(tensor: Tensor) -> Tensor:
    """Copy ``tensor``, so that it shares no memory with another tensor."""
    return tensor.detach().cpu().contiguous().clone()


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and details that were written to ``path``.

    Raises:
        UserError: If the file is missing, damaged, or not one of quickstudy's.
    """
    require(path.is_file(), f"File {path} should be a quickstudy checkpoint. Found no such file.")
    tensors, metadata = _contents(path)
    found = metadata.get("format", "of another kind")
    require(
        found.startswith("quickstudy "),
        f"File {path} should be a quickstudy checkpoint. Found a safetensors file of another kind.",
    )
    require(
        found in (FIRST, FORMAT),
        f"File {path} was written by a newer version of quickstudy: upgrade it to read the file.",
    )
    return tensors, upgraded(_details(path, metadata), found)


def _contents(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a safetensors file, and the metadata in its header."""
    try:
        # read at once: a run that goes on may replace the file at any moment
        data = path.read_bytes()
        return load_tensors(data), _metadata(data)
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"File {path} should be a quickstudy checkpoint. It cannot be read: {error}."
        ) from error


def _metadata(data: bytes) -> dict[str, str]:
    """Give the metadata in the header of a safetensors file: its length, then JSON."""
    end = 8 + int.from_bytes(data[:8], "little")
    found: dict[str, str] = json.loads(data[8:end]).get("__metadata__") or {}
    return found


def _details(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Parse the JSON in a file's header."""
    message = f"File {path} should be a quickstudy checkpoint. Its header is damaged"
    try:
        details = json.loads(metadata["details"])
    except (KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{message}: {type(error).__name__}.") from error
    require(isinstance(details, dict), f"{message}.")
    found: dict[str, Any] = details
    return found


def pack(
    learner: Learner, optimizer: torch.optim.Optimizer | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Give the tensors and details of a learner, and of its optimiser's state.

    Raises:
        UserError: If the learner does not keep an argument as an attribute.
    """
    tensors = prefixed("learner/", learner.state_dict())
    details: dict[str, Any] = {"learner": description_of(learner), "frozen": _frozen(learner)}
    if optimizer is not None:
        of_optimizer, details["optimizer"] = pack_optimizer(optimizer)
        tensors |= of_optimizer
    return tensors, details


def _frozen(learner: Learner) -> list[str]:
    """List the names of the parameters that are not trained."""
    return [name for name, value in learner.named_parameters() if not value.requires_grad]


def description_of(learner: Learner) -> dict[str, Any]:
    """Describe a learner; a user's modules that cannot be described are named."""
    found: dict[str, Any] = describe(learner, opaque=nn.Module)
    require(
        "opaque" not in found,
        f"A learner should keep the arguments of its constructor as attributes to be saved. "
        f"{type(learner).__name__} does not.",
    )
    return found


def restore_learner(learner: Learner, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the saved weights into ``learner``.

    Raises:
        UserError: If they do not fit.
    """
    weights = current_names(unprefixed("learner/", tensors), learner)
    _check_shapes(_shapes(weights), _shapes(learner.state_dict()), path)
    learner.load_state_dict(weights)


def _check_shapes(saved: Shapes, own: Shapes, path: Path) -> None:
    """Raise if a tensor is missing, new, or of another shape."""
    other = [name for name in {**own, **saved} if own.get(name) != saved.get(name)]
    first = other[0] if other else ""
    require(
        not other,
        f"The weights in {path} should be those of this learner. "
        f"Found {first} {saved.get(first)}, here {own.get(first)}.",
    )


def _shapes(weights: Mapping[str, Tensor]) -> Shapes:
    return {name: tuple(value.shape) for name, value in weights.items()}


def current_names(weights: dict[str, Tensor], learner: Learner) -> dict[str, Tensor]:
    """Give ``weights`` by their current names.

    In version 0.1.0 the names of a part, a step rule or an outer gradient had no prefix:
    ``rates.0`` is now ``step.rates.0``.
    """
    own = learner.state_dict()
    moved = {_first_name(name): name for name in own if name not in weights}
    return with_later({moved.get(name, name): value for name, value in weights.items()}, own)


def _first_name(name: str) -> str:
    """Give the name that version 0.1.0 had for a learner's tensor."""
    room, _, rest = name.partition(".")
    return rest if room in ("part", "step", "gradient") else name


def checkpoint_of(run: str | Path) -> Path:
    """Give the checkpoint of a run's folder: its best by validation, else its last.

    Raises:
        UserError: If there is no checkpoint.
    """
    path = Path(run)
    if path.is_file():
        return path
    require(path.is_dir(), f"{path} should be a run's folder or a checkpoint. Found neither.")
    found = _found_in(path)
    message = f"Folder {path} should hold a checkpoint. Found none: train with out={str(path)!r}"
    if not found:
        raise UserError(f"{message} first.")
    return found[0]


def _found_in(folder: Path) -> list[Path]:
    """List the checkpoints in a run's folder, the best by validation first."""
    files = (folder / f"{name}.safetensors" for name in ("best", "last"))
    return [file for file in files if file.exists()]


def load(run: str | Path, model: nn.Module | None = None, classes: Classes = ()) -> Learner:
    """Load the learner of a run, as it was saved: ``qs.load("runs/maml")``.

    Args:
        run: A run's folder (its best checkpoint by validation, else its last), or a checkpoint's
            file.
        model: Your module, if the learner was trained with a module that its constructor's
            arguments do not describe.
        classes: Your classes that the run uses, or their import paths ``"package.module:Class"``.
            Registered classes are known.

    Raises:
        UserError: If there is no checkpoint, it does not fit, or it needs a class or a model of
            yours.
    """
    path = checkpoint_of(run)
    tensors, details = read(path)
    learner = _built(path, details, classes, {} if model is None else {"model": model})
    _freeze(path, learner, details)
    restore_learner(learner, tensors, path)
    found: Learner = learner.eval()
    return found


def _built(
    path: Path, details: dict[str, Any], classes: Classes, given: dict[str, nn.Module]
) -> Learner:
    """Build the learner that ``details`` describe, with the modules that are ``given``."""
    message = f"File {path} should be a learner's checkpoint."
    require(isinstance(details.get("learner"), dict), message)
    learner = build(details["learner"], classes, given or None)
    require(isinstance(learner, Learner), message)
    found: Learner = learner
    return found


def _freeze(path: Path, learner: Learner, details: dict[str, Any]) -> None:
    """Freeze the parameters of ``learner`` that were frozen when it was saved, and no others."""
    fixed: Any = details.get("frozen")
    require(isinstance(fixed, list), f"File {path} should list the frozen parameters.")
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name not in fixed)


def save_adapted(
    path: str | Path, learner: Learner, adapted: Adapted, task: Mapping[str, Any] | None = None
) -> None:
    """Save a mastered task: the learner and its adapted state, in one file.

    Loaded in another process, it gives bit-identical predictions.

    Args:
        path: The file.
        learner: The learner.
        adapted: The adapted state.
        task: Further plain values about the task, which :func:`describe_adapted` gives back.
    """
    tensors, details = pack(learner)
    tensors |= prefixed("adapted/", adapted)
    write(Path(path), tensors, details if task is None else details | {"task": dict(task)})


def load_adapted(
    path: str | Path, model: nn.Module | None = None, classes: Classes = ()
) -> tuple[Learner, Adapted]:
    """Load a learner and its adapted state, the result of ``save_adapted``.

    Args:
        path: The file.
        model: As for :func:`load`.
        classes: As for :func:`load`.

    Raises:
        UserError: If the file is missing, damaged, or holds no adapted task.
    """
    tensors, _ = read(Path(path))
    adapted = unprefixed("adapted/", tensors)
    require(
        bool(adapted),
        f"File {path} should hold an adapted task. Found only a learner: use qs.load, then adapt.",
    )
    return load(path, model, classes), adapted


def describe_adapted(path: str | Path) -> dict[str, Any]:
    """Give the plain values of the task that were saved with an adapted state.

    These are the argument ``task`` of :func:`save_adapted`.

    Raises:
        UserError: If the file is missing, damaged, or holds no adapted task.
    """
    task: dict[str, Any] = read(Path(path))[1].get("task", {})
    require(
        bool(task),
        f"File {path} should say how its task's files are read. Found nothing: make it with "
        "quickstudy adapt, "
        "or use qs.load_adapted and learner.predict.",
    )
    return task
