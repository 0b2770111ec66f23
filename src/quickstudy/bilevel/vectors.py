"""Vectors in pieces: lists of tensors that have the shapes of the weights."""

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

Vector = list[Tensor]


def zeros(like: Iterable[Tensor]) -> Vector:
    """Give the zero vector of the shapes of ``like``."""
    return [torch.zeros_like(value) for value in like]


def plus(a: Vector, b: Iterable[Tensor]) -> Vector:
    """Add two vectors."""
    return [x + y for x, y in zip(a, b, strict=True)]


def minus(a: Vector, b: Iterable[Tensor]) -> Vector:
    """Subtract the second vector from the first."""
    return [x - y for x, y in zip(a, b, strict=True)]


def dot(a: Vector, b: Vector, axes: int) -> Tensor:
    """Compute the dot product of every task ``[task]``, or of all if there is no task axis.

    Args:
        a: A vector.
        b: A vector of the same shapes.
        axes: 1 if the tensors have a task axis in front, otherwise 0.
    """
    products = [_inner(x, y, axes) for x, y in zip(a, b, strict=True)]
    return torch.stack(products).sum(0)


def _inner(x: Tensor, y: Tensor, axes: int) -> Tensor:
    product = x * y
    return product.flatten(axes).sum(-1) if x.ndim > axes else product


def along(a: Vector, length: Tensor, b: Vector) -> Vector:
    """Go from ``a`` along ``b``, by a length for every task ``[task]`` or for all."""
    return [x + _times(length, y) for x, y in zip(a, b, strict=True)]


def _times(length: Tensor, value: Tensor) -> Tensor:
    """Multiply ``value`` by the length of its task, or by the one length."""
    return length.reshape(length.shape + (1,) * (value.ndim - length.ndim)) * value


def derivative(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor],
    retain_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Differentiate the weighted sum of ``outputs`` by ``inputs``; 0 if it does not depend on one.

    Args:
        outputs: Tensors with a graph.
        inputs: Leaves of that graph.
        weights: A tensor for each output, of its shape.
        retain_graph: Whether the graph is needed again.
    """
    grad = partial(torch.autograd.grad, allow_unused=True, materialize_grads=True)
    return grad(outputs, inputs, weights, retain_graph=retain_graph)
