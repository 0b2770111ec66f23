"""The state of an optimiser and its scheduler, as a checkpoint holds it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import require
from quickstudy.training.named import divided, prefixed, unprefixed

Optimizer = torch.optim.Optimizer
Scheduler = torch.optim.lr_scheduler.LRScheduler
State = dict[int, dict[str, Any]]
"""The values that an optimiser keeps for each parameter, by the parameter's number."""

JSON_KINDS = (int, float, bool, str, list, type(None))


def pack_optimizer(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Give the tensors of an optimiser's state by name, and the rest in plain values."""
    saved = optimizer.state_dict()
    tensors, plain = _packed_state(saved["state"])
    kind = type(optimizer).__name__
    return tensors, {"param_groups": saved["param_groups"], "plain": plain, "class": kind}


def _packed_state(state: State) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Divide the state into tensors by name, and plain values by parameter."""
    tensors: dict[str, Tensor] = {}
    plain: dict[str, Any] = {}
    for index, slots in state.items():
        own, rest = divided(slots)
        tensors |= prefixed(f"optimizer/{index}/", own)
        if rest:
            plain[str(index)] = rest
    return tensors, plain


def check_optimizer(optimizer: Optimizer, details: Mapping[str, Any]) -> None:
    """Refuse an ``optimizer`` that cannot take the saved state.

    Raises:
        UserError: If its class is not the saved class, or it has other parameter groups.
    """
    saved = details["optimizer"]
    _check_class(saved["class"], type(optimizer).__name__)
    begun, own = _sizes(saved["param_groups"]), _sizes(optimizer.param_groups)
    require(
        begun == own,
        f"The optimiser should have parameter groups as the run was begun with, {begun}. "
        f"Found {own}.",
    )


def _check_class(begun: str, found: str) -> None:
    require(
        found == begun,
        f"The optimiser should be the one the run was begun with, {begun}. Found {found}.",
    )


def _sizes(groups: list[dict[str, Any]]) -> list[int]:
    """Give the number of parameters of every group."""
    return [len(group["params"]) for group in groups]


def restore_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], details: Mapping[str, Any]
) -> None:
    """Put the saved state into ``optimizer``, after it was checked that it fits."""
    saved = details["optimizer"]
    state = _unpacked_state(tensors, saved["plain"])
    optimizer.load_state_dict({"state": state, "param_groups": saved["param_groups"]})
    for slots, key, parameter in _slots_like_parameters(optimizer):
        slots[key] = _laid_out(slots[key], parameter)


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    """Give ``value`` in the layout of its parameter, which fused optimisers take for granted."""
    like = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False)
    return like.copy_(value)


def _unpacked_state(tensors: Mapping[str, Tensor], plain: Mapping[str, Any]) -> State:
    """Put tensors by name and plain values by parameter together again."""
    state: State = {int(index): dict(slots) for index, slots in plain.items()}
    for name, value in unprefixed("optimizer/", tensors).items():
        index, key = name.split("/")
        state.setdefault(int(index), {})[key] = value
    return state


def _slots_like_parameters(optimizer: Optimizer) -> Iterator[tuple[dict[str, Any], str, Tensor]]:
    """Give every place of a tensor that has the shape of its parameter, and the parameter."""
    for parameter, slots in optimizer.state.items():
        for key, value in slots.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                yield slots, key, parameter


def schedule_state(scheduler: Scheduler | None) -> dict[str, Any] | None:
    """Give the part of a scheduler's state that JSON holds; None without a scheduler.

    The caller has to give functions and milestones again.

    Raises:
        UserError: If it holds parts, of schedulers inside a scheduler, that JSON would change or
            lose.
    """
    if scheduler is None:
        return None
    kept = _plain(scheduler.state_dict())
    require(
        _survives_json(kept),
        "This scheduler, made of others, could not be resumed exactly: write it as one "
        "torch.optim.lr_scheduler.LambdaLR.",
    )
    return kept


def restore_schedule(scheduler: Scheduler | None, state: dict[str, Any] | None) -> None:
    """Put the saved state into ``scheduler``, if there are both."""
    if scheduler is not None and state is not None:
        scheduler.load_state_dict(state)


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    """Give the values of ``state`` that may be written as JSON."""
    return {name: value for name, value in state.items() if isinstance(value, JSON_KINDS)}


def _survives_json(values: dict[str, Any]) -> bool:
    """Say whether ``values`` are the same after they were written as JSON."""
    try:
        return bool(json.loads(json.dumps(values)) == values)
    except TypeError:
        return False


__all__ = [
    "Scheduler",
    "check_optimizer",
    "pack_optimizer",
    "restore_optimizer",
    "restore_schedule",
    "schedule_state",
]
