"""Normalisation of a batch by its own statistics, whose second derivatives are as cheap as its first."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

Three = tuple[Tensor, Tensor, Tensor]


def normalise(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """``weight · x̂ + bias`` of each feature, with ``x̂ = r · (x − mean)`` and ``r = 1/√(variance +
    eps)``; shaped like ``x``.

    The gradient by ``x`` is ``J g = weight · r · P g`` where ``P g = g − (1/n) Σ g − (x̂/n) Σ g
    x̂``. ``J`` is symmetric, so what is pulled back through it needs the same kernel once more, one
    dot product a feature and a sum of multiples of three tensors:

    ``∂⟨v, J g⟩/∂x = −(r/n) (⟨g, x̂⟩ J v + ⟨v, x̂⟩ J g + ⟨v, J g⟩ x̂)``,

    where torch's own :func:`torch.nn.functional.batch_norm` takes many more passes. Derivatives of
    third and higher order are exact too; those of torch's are not, which takes mean and variance
    for constants there. It has no forward-mode derivative.

    Args:
        x: ``[example, feature, *space]``, more than one value a feature, on a CPU.
        weight: ``[feature]``.
        bias: ``[feature]``.
        eps: Added to the variance.
    """
    y: Tensor = _Normalise.apply(x, weight, bias, eps)[0]  # type: ignore[no-untyped-call]
    return y


def _pull_back(
    g: Tensor,
    x: Tensor,
    weight: Tensor | None,
    mean: Tensor,
    r: Tensor,
    wanted: tuple[bool, bool, bool],
) -> Three:
    """``J g``, ``Σ g x̂`` and ``Σ g``, as far as ``wanted``."""
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
    def vmap(
        info: Any,
        in_dims: tuple[int | None, ...],
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
    ) -> tuple[Three, tuple[int, ...]]:
        tasks = info.batch_size
        if _apart(x, in_dims[0]):
            return _each(_Normalise, in_dims, tasks, x, weight, bias, eps)
        x, weight, bias = (
            _fold(x, in_dims[0], tasks),
            _stack(weight, in_dims[1], tasks),
            _stack(bias, in_dims[2], tasks),
        )
        return _unfold(_Normalise.apply(x, weight, bias, eps), tasks)  # type: ignore[no-untyped-call]


class _PullBack(Function):
    @staticmethod
    def forward(g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, r: Tensor, eps: float) -> Three:
        return _pull_back(g, x, weight, mean, r, (True, True, True))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Three) -> None:
        *tensors, ctx.eps = inputs
        ctx.save_for_backward(*tensors, *output[1:])

    @staticmethod
    def backward(
        ctx: Any, v: Tensor, weight_pull: Tensor, bias_pull: Tensor
    ) -> tuple[Tensor | None, ...]:
        g, x, weight, mean, r, g_hat, g_sum = ctx.saved_tensors
        if torch.is_grad_enabled():
            return (
                *_by_operations(g, x, weight, ctx.eps, v, weight_pull, bias_pull),
                None,
                None,
                None,
            )
        n = x.numel() // x.shape[1]
        back, v_hat, v_sum = _pull_back(v, x, weight, mean, r, (True, True, True))
        dot = _pull_back(
            v, g, None, torch.zeros_like(mean), torch.ones_like(r), (False, True, False)
        )[1]
        by_weight = r * (dot - (v_sum * g_sum + v_hat * g_hat) / n)
        by_g = r * (weight_pull - weight * r * v_hat / n)
        by_hat = -(by_g * g_hat + weight * by_weight * r) / n

        def each(value: Tensor) -> Tensor:
            return value.reshape(-1, *[1] * (x.ndim - 2))

        to_x = back * each(-r * g_hat / n)
        to_x.addcmul_(g, each(by_g)).addcmul_(x, each(by_hat * r)).add_(
            each(-by_g * g_sum / n - by_hat * r * mean)
        )
        to_g = back.addcmul_(x, each(weight_pull * r)).add_(
            each(bias_pull - weight_pull * r * mean)
        )
        return to_g, to_x, by_weight, None, None, None

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], *inputs: Any
    ) -> tuple[Three, tuple[int, ...]]:
        tasks, eps = info.batch_size, inputs[-1]
        if _apart(inputs[1], in_dims[1]):
            return _each(_PullBack, in_dims, tasks, *inputs)
        whole = [
            _fold(value, axis, tasks) for value, axis in zip(inputs[:2], in_dims, strict=False)
        ]
        each = [
            _stack(value, axis, tasks)
            for value, axis in zip(inputs[2:5], in_dims[2:], strict=False)
        ]
        return _unfold(_PullBack.apply(*whole, *each, eps), tasks)  # type: ignore[no-untyped-call]


def _by_operations(
    g: Tensor,
    x: Tensor,
    weight: Tensor,
    eps: float,
    v: Tensor,
    weight_pull: Tensor,
    bias_pull: Tensor,
) -> Three:
    """What ``v``, ``weight_pull`` and ``bias_pull`` are pulled back to, by operations that can be differentiated any number of times."""
    axes, shape, n = [0, *range(2, x.ndim)], (-1, *[1] * (x.ndim - 2)), x.numel() // x.shape[1]
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    r = (variance + eps).rsqrt()
    hat = (x - mean) * r
    scale, weight_pull, bias_pull = (
        value.reshape(shape) for value in (weight, weight_pull, bias_pull)
    )

    def total(value: Tensor) -> Tensor:
        return value.sum(axes, keepdim=True)

    def centred(value: Tensor) -> Tensor:
        return value - (total(value) + hat * total(value * hat)) / n

    by_weight = r * total(v * centred(g))
    to_x = (
        r * centred(weight_pull * g - scale * r / n * (total(g * hat) * v + total(v * hat) * g))
        - scale * r / n * by_weight * hat
    )
    return scale * r * centred(v) + weight_pull * hat + bias_pull, to_x, by_weight.flatten()


def _apart(x: Tensor, axis: int | None) -> bool:
    """Whether the tasks of ``x`` lie one behind the other in memory, as convolutions with shared weights leave them."""
    if axis is None or x.ndim < 4:
        return False
    x = x.movedim(axis, 0)
    return x.stride(0) > x.stride(2) * x.shape[2]


def _each(
    function: Any, in_dims: tuple[int | None, ...], tasks: int, *inputs: Any
) -> tuple[Three, tuple[int, ...]]:
    """``function`` of one task after the other, in the layout that they have."""
    parts = [
        (value,) * tasks if axis is None else value.unbind(axis)
        for value, axis in zip(inputs[:-1], in_dims, strict=False)
    ]
    found = [function.apply(*own, inputs[-1]) for own in zip(*parts, strict=True)]
    whole, *each = zip(*found, strict=True)
    return (
        torch.cat(whole).unflatten(0, (tasks, -1)),
        torch.stack(each[0]),
        torch.stack(each[1]),
    ), (0, 0, 0)


def _fold(value: Tensor, axis: int | None, tasks: int) -> Tensor:
    """Tasks become features: ``[example, task · feature, *space]``."""
    value = (
        value.unsqueeze(1).expand(-1, tasks, *value.shape[1:])
        if axis is None
        else value.movedim(axis, 1)
    )
    return value.flatten(1, 2)


def _stack(value: Tensor, axis: int | None, tasks: int) -> Tensor:
    """``[task · feature]``."""
    return (value.expand(tasks, -1) if axis is None else value.movedim(axis, 0)).flatten()


def _unfold(found: Three, tasks: int) -> tuple[Three, tuple[int, ...]]:
    """The tasks out of what :func:`_fold` and :func:`_stack` put together, and the axes they stand on."""
    return (
        found[0].unflatten(1, (tasks, -1)),
        found[1].unflatten(0, (tasks, -1)),
        found[2].unflatten(0, (tasks, -1)),
    ), (1, 0, 0)
