"""Mapping a function of one task over many: the only place that knows there are many."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils import _pytree as pytree

from quickstudy.errors import require

MappingMode = Literal["auto", "vmap", "loop"] | int

logger = logging.getLogger("quickstudy")

LARGE_SET = 8_000
"""From this many pixels a task on, a loop beats vmap on a CPU.

Weights of each task make a convolution a grouped one, which is slow.
"""


def is_large(x: Tensor) -> bool:
    """Say whether a task of ``x`` ``[task, example, *feature]`` holds ``LARGE_SET`` values."""
    return x.shape[1:].numel() >= LARGE_SET


@dataclass(frozen=True)
class TaskMapping:
    """How many tasks are computed at once, and why.

    Attributes:
        chunk: Tasks computed together by ``vmap``; 1 is a loop, None all at once.
        reason: Why, in a few words, to be announced and recorded with a run.
    """

    chunk: int | None
    reason: str

    @property
    def name(self) -> str:
        """``"vmap"``, ``"loop"`` or ``"vmap in chunks of …"``."""
        return (
            "vmap"
            if self.chunk is None
            else "loop"
            if self.chunk == 1
            else f"vmap in chunks of {self.chunk}"
        )

    def slices(self, num_tasks: int, most: int | None = None) -> Iterator[slice]:
        """The chunks of ``num_tasks`` tasks, about alike, none of more than ``most`` tasks."""
        chunk = max(1, min(bound for bound in (self.chunk, most, num_tasks) if bound is not None))
        even = math.ceil(num_tasks / math.ceil(num_tasks / chunk)) if num_tasks else 1
        for first in range(0, num_tasks, even):
            yield slice(first, first + even)


def over_tasks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Map ``function`` of one task over the leading axis of tensors and trees of them.

    One task is computed directly, several by ``vmap``; None passes through.
    """

    def mapped(*arguments: Any) -> Any:
        first = next(leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, Tensor))
        if first.shape[0] == 1:
            single = pytree.tree_map_only(Tensor, lambda tensor: tensor.squeeze(0), arguments)
            return pytree.tree_map_only(
                Tensor, lambda tensor: tensor.unsqueeze(0), function(*single)
            )
        axes = pytree.tree_map(lambda leaf: 0 if isinstance(leaf, Tensor) else None, arguments)
        return vmap(function, in_dims=axes, randomness="different")(*arguments)

    return mapped


def choose_mapping(model: nn.Module, x: Tensor, mode: MappingMode) -> TaskMapping:
    """Pick how tasks are mapped for ``model`` on inputs like ``x`` ``[task, example, *feature]``.

    ``"auto"`` takes vmap, except a loop for convolutions of many or large images on a CPU, and for
    models with a layer that vmap cannot do. The choice depends on the model, the sizes and the
    device alone, so two runs choose alike.

    Raises:
        UserError: If ``mode`` is not one of the modes.
    """
    if mode != "auto":
        require(
            mode in ("vmap", "loop") or (isinstance(mode, int) and mode >= 1),
            "Parameter `mapping` should be 'auto', 'vmap', 'loop' or a number of tasks. "
            f"Found mapping={mode!r}.",
        )
        return TaskMapping(
            None if mode == "vmap" else 1 if mode == "loop" else int(mode), "asked for"
        )
    problem = _refusal(model, x)
    if problem:
        return TaskMapping(1, f"vmap cannot do a layer of this model: {problem}")
    has_convolution = any(isinstance(module, nn.modules.conv._ConvNd) for module in model.modules())
    if x.device.type == "cpu" and has_convolution and is_large(x):
        return TaskMapping(
            1, "convolutions of many or large images are faster one task at a time on a CPU"
        )
    return TaskMapping(None, f"fastest for this model on {x.device.type}")


def _refusal(model: nn.Module, x: Tensor) -> str:
    """Why vmap cannot map ``model`` with a weight of its own for every task, or ''."""
    weights = {
        name: weight.detach().expand(2, *weight.shape) for name, weight in model.named_parameters()
    }
    sample = x[:1, :1].detach().expand(2, *x[:1, :1].shape[1:])
    state = torch.get_rng_state()
    try:
        with torch.no_grad():
            vmap(
                lambda own, inputs: functional_call(model, own, (inputs,)), randomness="different"
            )(weights, sample)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return str(error).split("\n")[0][:120]
    finally:
        torch.set_rng_state(state)
    return ""


def announce(mapping: TaskMapping) -> TaskMapping:
    """Say in one line of the log which mapping was chosen."""
    logger.info("Tasks are mapped by %s: %s.", mapping.name, mapping.reason)
    return mapping
