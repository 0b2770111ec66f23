"""Tensors by name, under the prefixes that tell the parts of a checkpoint apart."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give ``tensors`` with ``prefix`` before every name."""
    return {f"{prefix}{name}": value for name, value in tensors.items()}


def unprefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors whose name begins with ``prefix``, without it."""
    kept = [name for name in tensors if name.startswith(prefix)]
    return {name.removeprefix(prefix): tensors[name] for name in kept}


def divided(state: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Divide ``state`` into tensors and plain values."""
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    plain = {name: value for name, value in state.items() if name not in tensors}
    return tensors, plain


__all__ = ["divided", "prefixed", "unprefixed"]
