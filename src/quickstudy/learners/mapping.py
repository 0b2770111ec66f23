"""Map a function of one task over many: the only place that knows there are many."""

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.utils import _pytree as pytree

from quickstudy.errors import require
from quickstudy.models.functional import call, evaluating

MappingMode = Literal["auto", "vmap", "loop"] | int

logger = logging.getLogger("quickstudy")

LARGE_SET = 8_000
"""The number of values of a task from which a loop beats vmap on a CPU.

With weights for each task, a convolution becomes a grouped one.
"""


def is_large(x: Tensor) -> bool:
    """Say whether a task of ``x`` ``[task, example, *feature]`` holds ``LARGE_SET`` values."""
    return x.shape[1:].numel() >= LARGE_SET


@dataclass(frozen=True)
class TaskMapping:
    """Say how many tasks are computed at once, and why.

    Attributes:
        chunk: Tasks computed together by ``vmap``; 1 is a loop, None all at once.
        reason: The reason in a few words, to be announced and recorded with a run.
    """

    chunk: int | None
    reason: str

    @property
    def name(self) -> str:
        """Return ``"vmap"``, ``"loop"`` or ``"vmap in chunks of …"``."""
        if self.chunk is None:
            return "vmap"
        return "loop" if self.chunk == 1 else f"vmap in chunks of {self.chunk}"

    def slices(self, num_tasks: int, most: int | None = None) -> Iterator[slice]:
        """Yield chunks of ``num_tasks`` tasks of about one size, of at most ``most`` tasks."""
        chunk = max(1, min(bound for bound in (self.chunk, most, num_tasks) if bound is not None))
        even = _even_size(num_tasks, chunk)
        for first in range(0, num_tasks, even):
            yield slice(first, first + even)


def _even_size(num_tasks: int, most: int) -> int:
    """Return the size of chunks of about one size, of at most ``most`` tasks."""
    return math.ceil(num_tasks / math.ceil(num_tasks / most)) if num_tasks else 1


def over_tasks(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a ``function`` of one task into one of tensors with a leading task axis.

    Arguments may be trees of tensors. One task is computed directly, several by ``vmap``. None
    passes through.
    """

    def mapped(*arguments: Any) -> Any:
        if _num_tasks(arguments) == 1:
            return _of_one_task(function, arguments)
        axes = pytree.tree_map(_axis, arguments)
        return vmap(function, in_dims=axes, randomness="different")(*arguments)

    return mapped


def _num_tasks(arguments: Any) -> int:
    """Return the number of tasks of ``arguments``, read off the first tensor."""
    first = next(leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, Tensor))
    return first.shape[0]


def _of_one_task(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call ``function`` with the one task of ``arguments``."""
    return _as_one_task(function(*_without_axis(arguments)))


def _without_axis(tree: Any) -> Any:
    """Take away the task axis of all tensors, which hold one task."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.squeeze(0), tree)


def _as_one_task(tree: Any) -> Any:
    """Give all tensors a task axis of one task."""
    return pytree.tree_map_only(Tensor, lambda tensor: tensor.unsqueeze(0), tree)


def _axis(leaf: Any) -> int | None:
    """Return the axis of the tasks in an argument: 0 of a tensor, else none."""
    return 0 if isinstance(leaf, Tensor) else None


def choose_mapping(model: nn.Module, x: Tensor, mode: MappingMode) -> TaskMapping:
    """Choose how tasks are mapped for ``model`` on inputs like ``x``.

    ``"auto"`` takes vmap, except a loop for convolutions of many or large images on a CPU, and for
    models with a layer that vmap cannot do. The choice depends only on the model, the sizes and the
    device, so two runs choose alike.

    Args:
        model: The network whose weights every task has.
        x: Inputs ``[task, example, *feature]``.
        mode: ``"auto"``, ``"vmap"``, ``"loop"``, or the number of tasks of a chunk.

    Raises:
        UserError: If ``mode`` is not one of the modes.
    """
    if mode != "auto":
        return TaskMapping(_chunk(mode), "asked for")
    problem = _refusal(model, x)
    if problem:
        return TaskMapping(1, f"vmap cannot do a layer of this model: {problem}")
    if _loop_is_faster(model, x):
        reason = "convolutions of many or large images are faster one task at a time on a CPU"
        return TaskMapping(1, reason)
    return TaskMapping(None, f"fastest for this model on {x.device.type}")


def _loop_is_faster(model: nn.Module, x: Tensor) -> bool:
    """Say whether weights of each task would make convolutions slow, see ``LARGE_SET``."""
    return x.device.type == "cpu" and is_large(x) and _has_convolution(model)


def _has_convolution(model: nn.Module) -> bool:
    return any(isinstance(module, nn.modules.conv._ConvNd) for module in model.modules())


def _chunk(mode: MappingMode) -> int | None:
    """Return the chunk of a mode that the user asked for."""
    require(
        mode in ("vmap", "loop") or (isinstance(mode, int) and mode >= 1),
        "Parameter `mapping` should be 'auto', 'vmap', 'loop' or a number of tasks. "
        f"Found mapping={mode!r}.",
    )
    if mode == "vmap":
        return None
    return 1 if mode == "loop" else int(mode)


def _refusal(model: nn.Module, x: Tensor) -> str:
    """Say why vmap cannot map ``model`` with the weights of each task; '' if it can.

    It is tried as it will be used: in training and in evaluation mode, with a gradient.
    """
    state = torch.get_rng_state()
    try:
        with torch.enable_grad():
            _try_two_tasks(model, x[0, :1].detach())
            with evaluating(model):
                _try_two_tasks(model, x[0, :1].detach())
    except (RuntimeError, NotImplementedError, ValueError) as error:
        return str(error).split("\n")[0][:120]
    finally:
        torch.set_rng_state(state)
    return ""


def _try_two_tasks(model: nn.Module, sample: Tensor) -> None:
    """Map ``model`` over two tasks with its weights, both on ``sample`` ``[example, *feature]``."""

    def mapped(own: dict[str, Tensor], inputs: Tensor) -> Any:
        return call(model, own, inputs)

    weights = {name: _twice(weight.detach()) for name, weight in model.named_parameters()}
    leaves = {name: weight.requires_grad_() for name, weight in weights.items()}
    outputs = pytree.tree_leaves(vmap(mapped, randomness="different")(leaves, _twice(sample)))
    sums = [out.sum() for out in outputs if isinstance(out, Tensor) and out.requires_grad]
    if sums:
        torch.autograd.grad(sums, list(leaves.values()), allow_unused=True)


def _twice(values: Tensor) -> Tensor:
    """Give ``values`` a task axis of two tasks."""
    return values.expand(2, *values.shape).clone()


def announce(mapping: TaskMapping) -> TaskMapping:
    """Log in one line which mapping was chosen."""
    logger.info("Tasks are mapped by %s: %s.", mapping.name, mapping.reason)
    return mapping
