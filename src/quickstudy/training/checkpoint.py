"""Saving and loading: tensors and JSON in one safetensors file. Loading runs no stored code."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from quickstudy.cache import write_atomically
from quickstudy.describe import build, describe
from quickstudy.errors import UserError, require
from quickstudy.learners import Adapted, Learner
from quickstudy.training.versions import FIRST, FORMAT, upgraded

Classes = Iterable[str | type]
"""Classes of the user's that a file may name: the classes, or paths ``"package.module:Class"``."""


def write(path: Path, tensors: dict[str, Tensor], details: dict[str, Any]) -> None:
    """Write ``tensors`` and JSON ``details`` to ``path``, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    owned = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_atomically(path, save(owned, {"format": FORMAT, "details": json.dumps(details)}))


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Raises:
        UserError: If the file is missing, damaged, or not one of quickstudy's.
    """
    require(path.is_file(), f"File {path} should be a quickstudy checkpoint. Found no such file.")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"File {path} should be a quickstudy checkpoint. It cannot be read: {error}."
        ) from error
    found = metadata.get("format", "of another kind")
    known = found.startswith("quickstudy ")
    require(
        known,
        f"File {path} should be a quickstudy checkpoint. Found a safetensors file of another kind.",
    )
    require(
        found in (FIRST, FORMAT),
        f"File {path} was written by a newer version of quickstudy: upgrade it to read the file.",
    )
    return tensors, upgraded(_details(path, metadata), found)


def _details(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Parse the JSON in a file's header."""
    try:
        details = json.loads(metadata["details"])
    except (KeyError, ValueError, RecursionError) as error:
        raise UserError(
            f"File {path} should be a quickstudy checkpoint. Its header is damaged: "
            f"{type(error).__name__}."
        ) from error
    require(
        isinstance(details, dict),
        f"File {path} should be a quickstudy checkpoint. Its header is damaged.",
    )
    found: dict[str, Any] = details
    return found


def pack(
    learner: Learner, optimizer: torch.optim.Optimizer | None = None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Give the tensors and details of a learner, and of its optimiser's state.

    Raises:
        UserError: If the learner does not keep an argument as an attribute.
    """
    tensors = {f"learner/{name}": value for name, value in learner.state_dict().items()}
    fixed = [name for name, value in learner.named_parameters() if not value.requires_grad]
    details: dict[str, Any] = {"learner": description_of(learner), "frozen": fixed}
    if optimizer is not None:
        state = optimizer.state_dict()
        of_optimizer, plain = _slots(state["state"])
        tensors |= of_optimizer
        details["optimizer"] = {
            "param_groups": state["param_groups"],
            "plain": plain,
            "class": type(optimizer).__name__,
        }
    return tensors, details


def description_of(learner: Learner) -> dict[str, Any]:
    """Describe a learner; modules of the user's that cannot be described are named."""
    found: dict[str, Any] = describe(learner, opaque=nn.Module)
    require(
        "opaque" not in found,
        f"A learner should keep the arguments of its constructor as attributes to be saved. "
        f"{type(learner).__name__} does not.",
    )
    return found


def _slots(state: Mapping[int, Mapping[str, Any]]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Divide an optimiser's state into tensors by name and plain values by parameter."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, dict[str, Any]] = {}
    for index, slots in state.items():
        for key, value in slots.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer/{index}/{key}"] = value
            else:
                plain.setdefault(str(index), {})[key] = value
    return tensors, plain


def check_optimizer(optimizer: torch.optim.Optimizer, details: dict[str, Any]) -> None:
    """Refuse an ``optimizer`` that cannot take the saved state.

    Raises:
        UserError: If it is of another class than the saved one, or has other parameter groups.
    """
    saved = details["optimizer"]
    found = type(optimizer).__name__
    require(
        found == saved["class"],
        f"The optimiser should be the one the run was begun with, {saved['class']}. Found {found}.",
    )
    sizes = [
        [len(group["params"]) for group in groups]
        for groups in (saved["param_groups"], optimizer.param_groups)
    ]
    require(
        sizes[0] == sizes[1],
        f"The optimiser should have parameter groups as the run was begun with, {sizes[0]}. "
        f"Found {sizes[1]}.",
    )


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], details: dict[str, Any]
) -> None:
    """Put the saved state into ``optimizer``; see :func:`check_optimizer`."""
    saved = details["optimizer"]
    state: dict[int, dict[str, Any]] = {
        int(index): dict(slots) for index, slots in saved["plain"].items()
    }
    for name, value in tensors.items():
        if name.startswith("optimizer/"):
            _, index, key = name.split("/")
            state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for parameter, slots in optimizer.state.items():
        for key, value in slots.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                # in the layout of their parameter, which fused optimisers take for granted
                like = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False)
                slots[key] = like.copy_(value)


def restore_learner(learner: Learner, tensors: dict[str, Tensor], path: Path) -> None:
    """Put the saved weights into ``learner``.

    Raises:
        UserError: If they do not fit.
    """
    weights = {
        name.removeprefix("learner/"): value
        for name, value in tensors.items()
        if name.startswith("learner/")
    }
    weights = current_names(weights, learner)
    saved, own = (
        {name: tuple(value.shape) for name, value in state.items()}
        for state in (weights, learner.state_dict())
    )
    other = [name for name in {**own, **saved} if own.get(name) != saved.get(name)]
    require(
        not other,
        f"The weights in {path} should be those of this learner. "
        "Found "
        f"{', '.join(f'{name} {saved.get(name)}, here {own.get(name)}' for name in other[:1])}.",
    )
    learner.load_state_dict(weights)


def current_names(weights: dict[str, Tensor], learner: Learner) -> dict[str, Tensor]:
    """``weights`` by the names of today: in version 0.1.0 those of a part, a step rule or an outer
    gradient stood at the top (``rates.0`` is now ``step.rates.0``)."""
    moved = {}
    for name in learner.state_dict():
        room, _, rest = name.partition(".")
        if room in ("part", "step", "gradient") and name not in weights:
            moved[rest] = name
    return {moved.get(name, name): value for name, value in weights.items()}


def checkpoint_of(run: str | Path) -> Path:
    """Give the checkpoint of a run's folder: its best by validation, else its last.

    Raises:
        UserError: If there is none.
    """
    path = Path(run)
    if path.is_file():
        return path
    require(path.is_dir(), f"{path} should be a run's folder or a checkpoint. Found neither.")
    best, last = path / "best.safetensors", path / "last.safetensors"
    require(
        best.exists() or last.exists(),
        f"Folder {path} should hold a checkpoint. Found none: train with out={str(path)!r} first.",
    )
    return best if best.exists() else last


def load(run: str | Path, model: nn.Module | None = None, classes: Classes = ()) -> Learner:
    """Load the learner of a run, as it was saved: ``qs.load("runs/maml")``.

    Args:
        run: A run's folder (its best checkpoint by validation, else its last), or a checkpoint's
            file.
        model: Your own module, if the learner was trained with one that its constructor's arguments
            do not describe.
        classes: Your own classes that the run is made of, or their import paths
            ``"package.module:Class"``; classes that are registered are known.

    Raises:
        UserError: If there is no checkpoint, it does not fit, or it needs a class or a model of
            yours.
    """
    path = checkpoint_of(run)
    tensors, details = read(path)
    require(
        isinstance(details.get("learner"), dict), f"File {path} should be a learner's checkpoint."
    )
    learner = build(details["learner"], classes, None if model is None else {"model": model})
    require(isinstance(learner, Learner), f"File {path} should be a learner's checkpoint.")
    fixed: Any = details.get("frozen")
    require(isinstance(fixed, list), f"File {path} should list the frozen parameters.")
    for name, parameter in learner.named_parameters():
        parameter.requires_grad_(name not in fixed)
    restore_learner(learner, tensors, path)
    found: Learner = learner.eval()
    return found


def save_adapted(
    path: str | Path, learner: Learner, adapted: Adapted, task: Mapping[str, Any] | None = None
) -> None:
    """Save a mastered task: the learner and what it adapted to, in one file.

    Loaded in another process, it predicts the same bits.

    Args:
        path: The file.
        learner: The learner.
        adapted: What it adapted to.
        task: What else is to be known of the task, in plain values: :func:`describe_adapted` gives
            it back.
    """
    tensors, details = pack(learner)
    tensors |= {f"adapted/{name}": value for name, value in adapted.items()}
    write(Path(path), tensors, details if task is None else details | {"task": dict(task)})


def load_adapted(
    path: str | Path, model: nn.Module | None = None, classes: Classes = ()
) -> tuple[Learner, Adapted]:
    """Load the learner and the adapted state that :func:`save_adapted` saved.

    Args:
        path: The file.
        model: As for :func:`load`.
        classes: As for :func:`load`.

    Raises:
        UserError: If the file is missing, damaged, or holds no adapted task.
    """
    tensors, _ = read(Path(path))
    adapted = {
        name.removeprefix("adapted/"): value
        for name, value in tensors.items()
        if name.startswith("adapted/")
    }
    require(
        bool(adapted),
        f"File {path} should hold an adapted task. Found only a learner: use qs.load, then adapt.",
    )
    return load(path, model, classes), adapted


def describe_adapted(path: str | Path) -> dict[str, Any]:
    """What :func:`save_adapted` was told of the task.

    Raises:
        UserError: If the file is missing, damaged, or says nothing of a task.
    """
    task: dict[str, Any] = read(Path(path))[1].get("task", {})
    require(
        bool(task),
        f"File {path} should say how its task's files are read. Found nothing: make it with "
        "quickstudy adapt, "
        "or use qs.load_adapted and learner.predict.",
    )
    return task
