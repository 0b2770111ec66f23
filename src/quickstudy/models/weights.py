"""Weights of a network from a file."""

import logging
import pickle
import struct
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from quickstudy.errors import UserError, first_line, require

logger = logging.getLogger("quickstudy")

COUNTER = "num_batches_tracked"
"""A buffer of batch norms that older files lack; it changes nothing here."""

SHOWN = 3
"""The most names that a message lists."""

BROKEN = (
    SafetensorError,
    pickle.UnpicklingError,
    struct.error,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Errors of torch and safetensors when they read a file that is damaged or of another kind."""


def load_weights(model: nn.Module, path: Path | str, new_head: bool = False) -> None:
    """Load the tensors of ``model`` from a file, in place; no stored code is run.

    The network may stand inside a larger one in the file, so that its names have a prefix. The file
    may hold tensors that the model has no place for (the head of another task, say); the log names
    them.

    Args:
        model: Any module.
        path: A safetensors file, or a state dict that ``torch.save`` wrote, by itself or as an
            entry of a dictionary.
        new_head: Let the last linear layer (or convolution, without one) keep its initial weights
            if the file's has another shape, or is missing.

    Raises:
        UserError: If the file cannot be read, holds objects besides tensors and plain values, or
            lacks a tensor of the model.
    """
    found = read_tensors(Path(path))
    needed = _needed(model, new_head)
    prefix = _prefix(found, needed)
    fitting = _fitting(found, model.state_dict(), prefix)
    _check_complete(needed, fitting, path)
    model.load_state_dict(fitting, strict=False)
    rest = _some(_without_place(found, fitting, prefix))
    logger.info("Loaded %d tensors of %s; without a place: %s.", len(fitting), path, rest)


def _without_place(found: Collection[str], fitting: Collection[str], prefix: str) -> list[str]:
    """Name the tensors of the file that the model has no place for."""
    return [name for name in found if name.removeprefix(prefix) not in fitting]


def _check_complete(needed: list[str], fitting: Collection[str], path: Path | str) -> None:
    """Raise if a tensor that is needed does not fit."""
    missing = [name for name in needed if name not in fitting]
    require(
        not missing,
        f"Parameter `weights` should be a file of this network. Found in {path} no tensor for "
        f"{_some(missing)} of its shape.",
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the named tensors of a file.

    Raises:
        UserError: If the file cannot be read, or holds objects besides tensors and plain values.
    """
    require(path.is_file(), f"Parameter `weights` should be a file. Found none at {path}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = _tensors(torch.load(path, map_location="cpu", weights_only=True))
    except BROKEN as error:
        raise UserError(
            "Parameter `weights` should be a safetensors file, or a state dict saved by "
            f"torch.save. {path} cannot be read as one: {first_line(error)}"
        ) from error
    require(bool(found), f"Parameter `weights` should hold tensors by name. Found none in {path}.")
    return found


def _tensors(value: Any) -> dict[str, Tensor]:
    """Give the named tensors of a state dict, or of the first entry that is one."""
    if not isinstance(value, Mapping):
        return {}
    return _own_tensors(value) or next(filter(None, map(_tensors, value.values())), {})


def _own_tensors(state: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Give the entries that are tensors themselves."""
    return {str(name): entry for name, entry in state.items() if isinstance(entry, Tensor)}


def _needed(model: nn.Module, new_head: bool) -> list[str]:
    """Name the tensors that the file has to hold."""
    head = _head(model) if new_head else None
    return [name for name in _names(model) if name.rpartition(".")[0] != head]


def _names(model: nn.Module) -> list[str]:
    """Name the tensors of the model but for counters."""
    return [name for name in model.state_dict() if not name.endswith(COUNTER)]


def _head(model: nn.Module) -> str:
    """Give the name of the last linear layer, or of the last convolution without one."""
    names = _names_of(model, nn.Linear) or _names_of(model, nn.modules.conv._ConvNd)
    return names[-1] if names else ""


def _names_of(model: nn.Module, kind: type[nn.Module]) -> list[str]:
    """Name the modules of ``model`` that are of a kind."""
    return [name for name, module in model.named_modules() if isinstance(module, kind)]


def _prefix(found: Collection[str], needed: list[str]) -> str:
    """Give the prefix under which the file holds most of the ``needed`` names; '' if in doubt."""
    candidates = _prefixes(found, needed[0] if needed else "")
    shortest_first = sorted(candidates, key=len)
    return max(shortest_first, key=partial(_num_held, found, needed), default="")


def _num_held(found: Collection[str], needed: list[str], prefix: str) -> int:
    """Count the ``needed`` names that the file holds under ``prefix``."""
    return sum(prefix + name in found for name in needed)


def _prefixes(found: Collection[str], name: str) -> list[str]:
    """Give the prefixes under which the file holds ``name``."""
    return [one.removesuffix(name) for one in found if f".{one}".endswith(f".{name}")]


def _fitting(found: dict[str, Tensor], wanted: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Give the tensors of the file that the model has a place of the same shape for."""
    return {
        name: found[prefix + name]
        for name, value in wanted.items()
        if prefix + name in found and found[prefix + name].shape == value.shape
    }


def _some(names: list[str]) -> str:
    """List the first ``names`` and the number of the others."""
    if not names:
        return "none"
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


__all__ = ["load_weights", "read_tensors"]
