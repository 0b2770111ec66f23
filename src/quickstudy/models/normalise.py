"""Normalisation of a batch by its own statistics, with second derivatives as cheap as the first."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

Three = tuple[Tensor, Tensor, Tensor]
Axes = tuple[int | None, ...]
"""The task axis of every input, None without one."""

Pairs = list[tuple[Tensor, int | None]]
"""Tensors, each with its task axis."""

Mapped = tuple[Three, tuple[int, ...]]
"""The outputs of all tasks, and their task axes."""


def normalise(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalise each feature by its own mean and variance, and scale and shift it.

    It gives ``weight · x̂ + bias`` with ``x̂ = r · (x − mean)`` and ``r = 1/√(variance + eps)``.

    The gradient by ``x`` is ``J g = weight · r · P g``, where ``P`` takes out the mean and the
    share of ``x̂``, ``P g = g − (1/n) Σ g − (x̂/n) Σ g x̂``. ``J`` is symmetric. So pulling a
    tensor back through it needs the same kernel once more, one dot product a feature and a sum of
    multiples of three tensors:

    ``∂⟨v, J g⟩/∂x = −(r/n) (⟨g, x̂⟩ J v + ⟨v, x̂⟩ J g + ⟨v, J g⟩ x̂)``.

    torch's own :func:`torch.nn.functional.batch_norm` takes many more passes for it. Derivatives of
    third and higher order are exact too; torch's are not, since it takes mean and variance for
    constants there. It has no forward-mode derivative.

    Args:
        x: ``[example, feature, *space]``, more than one value a feature, on a CPU.
        weight: ``[feature]``.
        bias: ``[feature]``.
        eps: Added to the variance.

    Returns:
        A tensor shaped like ``x``.
    """
    y: Tensor = _Normalise.apply(x, weight, bias, eps)[0]  # type: ignore[no-untyped-call]
    return y


class _Saved(NamedTuple):
    """The tensors that the second derivative needs, from the first."""

    g: Tensor
    x: Tensor
    weight: Tensor
    mean: Tensor
    r: Tensor
    g_hat: Tensor  # Σ g x̂
    g_sum: Tensor  # Σ g


class _Pulls(NamedTuple):
    """The tensors that are pulled back, one for each output of the first derivative."""

    v: Tensor  # through J g
    weight: Tensor  # through Σ g x̂
    bias: Tensor  # through Σ g


def _pull_back(
    g: Tensor,
    x: Tensor,
    weight: Tensor | None,
    mean: Tensor,
    r: Tensor,
    wanted: tuple[bool, bool, bool],
) -> Three:
    """Compute the gradients by input, weight and bias, as far as ``wanted``.

    They are ``J g``, ``Σ g x̂`` and ``Σ g``.
    """
    found: Three = torch.ops.aten.native_batch_norm_backward(
        g, x, weight, None, None, mean, r, True, 0.0, wanted
    )
    return found


class _Normalise(Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Three:
        found: Three = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)
        return found

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: Three
    ) -> None:
        x, weight, _, ctx.eps = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, weight, *output[1:])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if g is None:
            return (None,) * 4
        pulled = _PullBack.apply(g, *ctx.saved_tensors, ctx.eps)  # type: ignore[no-untyped-call]
        return (*pulled, None)

    @staticmethod
    def vmap(info: Any, in_dims: Axes, *inputs: Any) -> Mapped:
        return _over_tasks(_Normalise, 1, info.batch_size, in_dims, inputs)


class _PullBack(Function):
    @staticmethod
    def forward(g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, r: Tensor, eps: float) -> Three:
        return _pull_back(g, x, weight, mean, r, (True, True, True))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Three) -> None:
        *tensors, ctx.eps = inputs
        ctx.save_for_backward(*tensors, *output[1:])

    @staticmethod
    def backward(ctx: Any, *pulls: Tensor) -> tuple[Tensor | None, ...]:
        saved = _Saved(*ctx.saved_tensors)
        if torch.is_grad_enabled():
            found = _by_operations(saved, _Pulls(*pulls), ctx.eps)
        else:
            found = _by_kernels(saved, _Pulls(*pulls))
        return *found, None, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Axes, *inputs: Any) -> Mapped:
        return _over_tasks(_PullBack, 2, info.batch_size, in_dims, inputs)


def _by_kernels(saved: _Saved, pulls: _Pulls) -> Three:
    """Pull back to ``g``, ``x`` and ``weight`` by torch's kernels and sums in place."""
    g, x, weight, mean, r, *_ = saved
    back, *sums = _pull_back(pulls.v, x, weight, mean, r, (True, True, True))
    by_weight, to_x_of, to_g_of = _factors(saved, pulls, *sums)
    to_x = back * _each(x, to_x_of[0])
    to_x.addcmul_(g, _each(x, to_x_of[1])).addcmul_(x, _each(x, to_x_of[2]))
    to_x.add_(_each(x, to_x_of[3]))
    to_g = back.addcmul_(x, _each(x, to_g_of[0])).add_(_each(x, to_g_of[1]))
    return to_g, to_x, by_weight


def _factors(
    saved: _Saved, pulls: _Pulls, v_hat: Tensor, v_sum: Tensor
) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Compute the sums of each feature.

    They are the pull back to ``weight``, the factors of ``J v``, ``g``, ``x`` and 1 in the pull
    back to ``x``, and those of ``x`` and 1 in the pull back to ``g`` beside ``J v``.
    """
    g, x, weight, mean, r, g_hat, g_sum = saved
    n = x.numel() // x.shape[1]
    by_weight = r * (_dot(pulls.v, g) - (v_sum * g_sum + v_hat * g_hat) / n)
    by_g = r * (pulls.weight - weight * r * v_hat / n)
    by_hat = -(by_g * g_hat + weight * by_weight * r) / n
    to_x = (-r * g_hat / n, by_g, by_hat * r, -by_g * g_sum / n - by_hat * r * mean)
    return by_weight, to_x, (pulls.weight * r, pulls.bias - pulls.weight * r * mean)


def _dot(v: Tensor, g: Tensor) -> Tensor:
    """Compute the inner product of each feature, by the kernel with mean 0 and deviation 1."""
    zeros = v.new_zeros(v.shape[1])
    return _pull_back(v, g, None, zeros, zeros + 1, (False, True, False))[1]


def _each(x: Tensor, values: Tensor) -> Tensor:
    """Shape ``values`` ``[feature]`` to meet ``x``."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


class _Hat:
    """A normalised batch, by operations that have all their derivatives."""

    def __init__(self, x: Tensor, eps: float) -> None:
        self.axes, self.n = [0, *range(2, x.ndim)], x.numel() // x.shape[1]
        variance, mean = torch.var_mean(x, self.axes, correction=0, keepdim=True)
        self.r = (variance + eps).rsqrt()
        self.hat = (x - mean) * self.r

    def total(self, value: Tensor) -> Tensor:
        """Sum over the values of each feature."""
        return value.sum(self.axes, keepdim=True)

    def project(self, value: Tensor) -> Tensor:
        """Take out the mean of each feature, and its share of the normalised batch."""
        return value - (self.total(value) + self.hat * self.total(value * self.hat)) / self.n


def _by_operations(saved: _Saved, pulls: _Pulls, eps: float) -> Three:
    """Pull back to ``g``, ``x`` and ``weight`` by operations that have all their derivatives."""
    g, v = saved.g, pulls.v
    batch = _Hat(saved.x, eps)
    r, hat = batch.r, batch.hat
    total = batch.total
    scale, by_weight, by_bias = (_each(g, values) for values in (saved.weight, *pulls[1:]))
    to_weight = r * total(v * batch.project(g))
    to_x = by_weight * g - scale * r / batch.n * (total(g * hat) * v + total(v * hat) * g)
    to_x = r * batch.project(to_x) - scale * r / batch.n * to_weight * hat
    to_g = scale * r * batch.project(v) + by_weight * hat + by_bias
    return to_g, to_x, to_weight.flatten()


def _over_tasks(function: Any, whole: int, tasks: int, in_dims: Axes, inputs: Any) -> Mapped:
    """Map ``function`` over tasks, whose first ``whole`` inputs are shaped like ``x``.

    Tasks become features, unless they lie apart in memory.
    """
    *tensors, eps = inputs
    pairs = list(zip(tensors, in_dims, strict=False))
    if _apart(*pairs[whole - 1]):
        return _task_by_task(function, tasks, pairs, eps)
    folded = [_fold(value, axis, tasks) for value, axis in pairs[:whole]]
    stacked = [_stack(value, axis, tasks) for value, axis in pairs[whole:]]
    return _unfold(function.apply(*folded, *stacked, eps), tasks)


def _unfold(found: Three, tasks: int) -> Mapped:
    """Make tasks of the features that were put side by side."""
    y, *of_features = found
    first, second = (values.unflatten(0, (tasks, -1)) for values in of_features)
    return (y.unflatten(1, (tasks, -1)), first, second), (1, 0, 0)


def _apart(x: Tensor, axis: int | None) -> bool:
    """Say whether the tasks of ``x`` lie one behind the other in memory.

    Convolutions with shared weights leave them so.
    """
    if axis is None or x.ndim < 4:
        return False
    x = x.movedim(axis, 0)
    return x.stride(0) > x.stride(2) * x.shape[2]


def _task_by_task(function: Any, tasks: int, pairs: Pairs, eps: float) -> Mapped:
    """Compute ``function`` of one task after the other, in the layout that they have."""
    parts = [_unbind(value, axis, tasks) for value, axis in pairs]
    found = [function.apply(*own, eps) for own in zip(*parts, strict=True)]
    whole, first, second = zip(*found, strict=True)
    y = torch.cat(whole).unflatten(0, (tasks, -1))
    return (y, torch.stack(first), torch.stack(second)), (0, 0, 0)


def _unbind(value: Tensor, axis: int | None, tasks: int) -> tuple[Tensor, ...]:
    """Give the part of each task, which is the whole if there is no task axis."""
    return (value,) * tasks if axis is None else value.unbind(axis)


def _fold(value: Tensor, axis: int | None, tasks: int) -> Tensor:
    """Make features of tasks, so that a batch has those of all tasks side by side."""
    if axis is None:
        value = value.unsqueeze(1).expand(-1, tasks, *value.shape[1:])
    else:
        value = value.movedim(axis, 1)
    return value.flatten(1, 2)


def _stack(value: Tensor, axis: int | None, tasks: int) -> Tensor:
    """Lay out the features of all tasks side by side."""
    return (value.expand(tasks, -1) if axis is None else value.movedim(axis, 0)).flatten()


__all__ = ["normalise"]
