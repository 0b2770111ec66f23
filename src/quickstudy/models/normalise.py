"""Normalisation of a batch by its own statistics, whose second derivatives are as cheap as its first."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

Three = tuple[Tensor, Tensor, Tensor]


def normalise(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """``weight · x̂ + bias`` of each feature, with ``x̂ = r · (x − mean)`` and ``r = 1/√(variance + eps)``; shaped like ``x``.

    The gradient by ``x`` is ``J g = weight · r · P g`` where ``P g = g − (1/n) Σ g − (x̂/n) Σ g x̂``. ``J`` is symmetric, so what is
    pulled back through it needs the same kernel once more, one dot product a feature and a sum of multiples of three tensors:

    ``∂⟨v, J g⟩/∂x = −(r/n) (⟨g, x̂⟩ J v + ⟨v, x̂⟩ J g + ⟨v, J g⟩ x̂)``,

    where torch's own :func:`torch.nn.functional.batch_norm` goes through the batch about twenty times. Derivatives of third and
    higher order are exact too; those of torch's are not, which takes mean and variance for constants there.

    Args:
        x: ``[example, feature, *space]``, more than one value a feature, on a CPU.
        weight: ``[feature]``.
        bias: ``[feature]``.
        eps: Added to the variance.
    """
    y: Tensor = _Normalise.apply(x, weight, bias, eps)[0]  # type: ignore[no-untyped-call]
    return y


def _pull_back(g: Tensor, x: Tensor, weight: Tensor | None, mean: Tensor, r: Tensor, wanted: tuple[bool, bool, bool]) -> Three:
    """``J g``, ``Σ g x̂`` and ``Σ g``, as far as ``wanted``."""
    found: Three = torch.ops.aten.native_batch_norm_backward(g, x, weight, None, None, mean, r, True, 0.0, wanted)
    return found


class _Normalise(Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Three:
        found: Three = torch.native_batch_norm(x, weight, bias, None, None, True, 0.0, eps)
        return found

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: Three) -> None:
        x, weight, _, ctx.eps = inputs
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, weight, *output[1:])

    @staticmethod
    def backward(ctx: Any, g: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        return (None,) * 4 if g is None else (*_PullBack.apply(g, *ctx.saved_tensors, ctx.eps), None)  # type: ignore[no-untyped-call]

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, ...], x: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Three, tuple[int, ...]]:
        tasks = info.batch_size
        x = x.movedim(in_dims[0], 1) if in_dims[0] is not None else x.unsqueeze(1).expand(-1, tasks, *x.shape[1:])
        weight, bias = (
            (p.movedim(axis, 0) if axis is not None else p.expand(tasks, -1)).flatten()
            for p, axis in zip((weight, bias), in_dims[1:], strict=False)
        )
        y, mean, r = _Normalise.apply(x.flatten(1, 2), weight, bias, eps)  # type: ignore[no-untyped-call]
        return (y.unflatten(1, (tasks, -1)), mean.unflatten(0, (tasks, -1)), r.unflatten(0, (tasks, -1))), (1, 0, 0)


class _PullBack(Function):
    @staticmethod
    def forward(g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, r: Tensor, eps: float) -> Three:
        return _pull_back(g, x, weight, mean, r, (True, True, True))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Three) -> None:
        *tensors, ctx.eps = inputs
        ctx.save_for_backward(*tensors, *output[1:])

    @staticmethod
    def backward(ctx: Any, v: Tensor, weight_pull: Tensor, bias_pull: Tensor) -> tuple[Tensor | None, ...]:
        g, x, weight, mean, r, g_hat, g_sum = ctx.saved_tensors
        if torch.is_grad_enabled():
            g, x, weight = (value.view_as(value) for value in (g, x, weight))  # g is a function of x, which is not meant here
            found = torch.autograd.grad(
                _by_operations(g, x, weight, ctx.eps), (g, x, weight), (v, weight_pull, bias_pull), create_graph=True
            )
            return *found, None, None, None
        n = x.numel() // x.shape[1]
        back, v_hat, v_sum = _pull_back(v, x, weight, mean, r, (True, True, True))
        dot = _pull_back(v, g, None, torch.zeros_like(mean), torch.ones_like(r), (False, True, False))[1]
        by_weight = r * (dot - (v_sum * g_sum + v_hat * g_hat) / n)
        by_g = r * (weight_pull - weight * r * v_hat / n)
        by_hat = -(by_g * g_hat + weight * by_weight * r) / n

        def each(value: Tensor) -> Tensor:
            return value.reshape(-1, *[1] * (x.ndim - 2))

        to_x = back * each(-r * g_hat / n)
        to_x.addcmul_(g, each(by_g)).addcmul_(x, each(by_hat * r)).add_(each(-by_g * g_sum / n - by_hat * r * mean))
        to_g = back.addcmul_(x, each(weight_pull * r)).add_(each(bias_pull - weight_pull * r * mean))
        return to_g, to_x, by_weight, None, None, None


def _by_operations(g: Tensor, x: Tensor, weight: Tensor, eps: float) -> Three:
    """:func:`_pull_back` as operations that can be differentiated any number of times, which torch's kernel cannot."""
    axes, shape = [0, *range(2, x.ndim)], (-1, *[1] * (x.ndim - 2))
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    r = (variance + eps).rsqrt()
    x_hat, n = (x - mean) * r, x.numel() // x.shape[1]
    g_hat, g_sum = (g * x_hat).sum(axes), g.sum(axes)
    return weight.reshape(shape) * r * (g - (g_sum.reshape(shape) + x_hat * g_hat.reshape(shape)) / n), g_hat, g_sum
