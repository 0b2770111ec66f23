"""Compute a network with other weights, and leave the network as it was."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

KNOWN = ("torch.nn.", "quickstudy.")
"""The packages of modules whose forward pass sets no attribute."""

Slot = tuple[int, str]
"""The place of a tensor: the id of a module, and the name in it."""


def call(model: nn.Module, weights: Mapping[str, Tensor], *arguments: Any) -> Any:
    """Compute the network with other weights in the place of its parameters.

    It is ``torch.func.functional_call``, except for three things. A tensor that stands in several
    places is replaced in each of them once, also if one submodule has two names. Attention and
    norms of weights are computed by kernels that can be differentiated twice. Nothing that the
    forward pass writes into the network remains, neither attributes nor changes of buffers; only
    batch norms in training mode move their running averages.

    Inside ``torch.compile`` it is ``functional_call`` itself.

    Args:
        model: Any module.
        weights: Parameters and buffers by name; all others stay as they are in the module.
        arguments: The inputs.

    Source: ``functional_call`` restores a replaced value in place of the original if a submodule
        stands in a network under two names: https://github.com/pytorch/pytorch/issues/164759
    """
    if torch.compiler.is_compiling():
        return functional_call(model, dict(weights), arguments)
    given = slots_of(model, weights)
    given |= _copied_buffers(model, given)
    with _unchanged(model), _differentiable(), _weight_norms(model):
        return functional_call(model, given, arguments, tie_weights=False)


def slots_of(model: nn.Module, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name every place in ``model`` that holds a tensor of ``weights``, each once.

    Args:
        model: Any module.
        weights: New values by name. One name of a tensor with several names is enough.

    Returns:
        The new values by the name of a place.
    """
    places: dict[int, dict[Slot, str]] = {}
    tensors: dict[str, int] = {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        for name, tensor in _tensors(module):
            path = f"{prefix}.{name}" if prefix else name
            tensors[path] = id(tensor)
            places.setdefault(id(tensor), {}).setdefault((id(module), name), path)
    return {
        path: value
        for name, value in weights.items()
        for path in places.get(tensors.get(name, 0), {(0, ""): name}).values()
    }


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters and buffers that stand in ``module`` itself."""
    for held in (module._parameters, module._buffers):
        for name, tensor in held.items():
            if tensor is not None:
                yield name, tensor


def _copied_buffers(model: nn.Module, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copy the buffers of ``model`` that are not given, except the averages of batch norms."""
    return {
        name: buffer.clone()
        for prefix, module in model.named_modules()
        if not isinstance(module, nn.modules.batchnorm._BatchNorm)
        for name, buffer in module.named_buffers(prefix, recurse=False)
        if name not in given
    }


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Put ``module`` in evaluation mode inside, then every part back into its mode."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Put the attributes of all modules that may write some back at the end."""
    before = [(module, dict(module.__dict__)) for module in model.modules() if _may_write(module)]
    try:
        yield
    finally:
        for module, attributes in before:
            if _differs(module.__dict__, attributes):
                module.__dict__.clear()
                module.__dict__.update(attributes)


def _may_write(module: nn.Module) -> bool:
    """Say whether a call may set attributes, as in a user's class, a hook or a recurrent net."""
    known = type(module).__module__.startswith(KNOWN) and not isinstance(module, nn.RNNBase)
    return not known or bool(module._forward_pre_hooks or module._forward_hooks)


def _differs(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Say whether a name is new, is gone, or stands for another object."""
    return now.keys() != before.keys() or any(now[name] is not before[name] for name in before)


@contextmanager
def _differentiable() -> Iterator[None]:
    """Let attention take kernels whose derivatives can be differentiated.

    The fused layer of a transformer has no first derivative. Fused attention has no second one.
    """
    fast, flash = torch.backends.mha.get_fastpath_enabled(), torch.backends.cuda.flash_sdp_enabled()
    memory = torch.backends.cuda.mem_efficient_sdp_enabled()
    _set_kernels(False, False, False)
    try:
        yield
    finally:
        _set_kernels(fast, flash, memory)


class _ExactWeightNorm(TorchFunctionMode):
    """Compute the norm of weights by operations whose derivatives torch knows.

    The second derivative of ``torch._weight_norm`` is wrong (torch 2.13).
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Replace ``torch._weight_norm``, and pass everything else on."""
        if func is torch._weight_norm:
            return _weight_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """Give weights in the directions of ``v`` with the lengths ``g``.

    It is ``g · v / ‖v‖`` with the norm over all axes but ``dim``, or over all for −1.
    """
    axes = [axis for axis in range(v.ndim) if axis != dim]
    return v * (g / v.square().sum(axes, keepdim=True).sqrt())


def _weight_norms(model: nn.Module) -> AbstractContextManager[Any]:
    """Compute norms of weights exactly, if ``model`` has one."""
    return _ExactWeightNorm() if any(map(_has_weight_norm, model.modules())) else nullcontext()


def _has_weight_norm(module: nn.Module) -> bool:
    """Say whether ``module`` is a norm of weights, as a parametrisation or by a hook."""
    hooks = module._forward_pre_hooks
    by_hook = bool(hooks) and any(isinstance(hook, WeightNorm) for hook in hooks.values())
    return by_hook or type(module) is parametrizations._WeightNorm


def _set_kernels(fast: bool, flash: bool, memory: bool) -> None:
    """Allow the fused layer, and both kinds of fused attention."""
    torch.backends.mha.set_fastpath_enabled(fast)
    torch.backends.cuda.enable_flash_sdp(flash)
    torch.backends.cuda.enable_mem_efficient_sdp(memory)


__all__ = ["call", "evaluating", "slots_of"]
