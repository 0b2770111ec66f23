"""Normalisation of a batch by its statistics, with second derivatives as cheap as the first."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

from quickstudy.models.over_batches import Axes, Mapped, Three, over_batches


def normalise(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Normalise each feature by its mean and variance, then scale and shift it.

    It gives ``weight · x̂ + bias`` with ``x̂ = r · (x − mean)`` and ``r = 1/√(variance + eps)``.

    The gradient by ``x`` is ``J g = weight · r · P g``, with ``P g = g − (1/n) Σ g − (x̂/n) Σ g
    x̂``: ``P`` takes out the mean and the share of ``x̂``. ``J`` is symmetric. So pulling a tensor
    back through it needs the same kernel once more, one dot product a feature and a sum of
    multiples of three tensors:

    ``∂⟨v, J g⟩/∂x = −(r/n) (⟨g, x̂⟩ J v + ⟨v, x̂⟩ J g + ⟨v, J g⟩ x̂)``.

    torch's :func:`torch.nn.functional.batch_norm` takes many more passes for it. Derivatives of
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
    """Hold the tensors of the first derivative that the second one needs."""

    g: Tensor
    x: Tensor
    weight: Tensor
    mean: Tensor
    r: Tensor
    g_hat: Tensor  # Σ g x̂
    g_sum: Tensor  # Σ g

    @property
    def n(self) -> int:
        """The number of values of a feature."""
        return _num_values(self.x)

    def shaped(self) -> "_Saved":
        """Shape the weight to meet the batch."""
        return self._replace(weight=_each(self.x, self.weight))


class _Pulls(NamedTuple):
    """Hold the tensors that are pulled back, one for each output of the first derivative."""

    v: Tensor  # through J g
    weight: Tensor  # through Σ g x̂
    bias: Tensor  # through Σ g

    def shaped(self) -> "_Pulls":
        """Shape the pulls of each feature to meet the batch."""
        weight, bias = _each(self.v, self.weight), _each(self.v, self.bias)
        return _Pulls(self.v, weight, bias)


def _pull_back(
    g: Tensor,
    x: Tensor,
    weight: Tensor | None,
    mean: Tensor,
    r: Tensor,
    wanted: tuple[bool, bool, bool] = (True, True, True),
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
        return over_batches(_Normalise, 1, info.batch_size, in_dims, inputs)


class _PullBack(Function):
    @staticmethod
    def forward(g: Tensor, x: Tensor, weight: Tensor, mean: Tensor, r: Tensor, eps: float) -> Three:
        return _pull_back(g, x, weight, mean, r)

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
        return over_batches(_PullBack, 2, info.batch_size, in_dims, inputs)


def _by_kernels(saved: _Saved, pulls: _Pulls) -> Three:
    """Pull back to ``g``, ``x`` and ``weight`` by torch's kernels and sums in place."""
    back, *sums = _pull_back(pulls.v, saved.x, saved.weight, saved.mean, saved.r)
    factors = _Factors(saved, pulls, *sums)
    to_x = factors.to_x(back)
    return factors.to_g(back), to_x, factors.weight


@dataclass(frozen=True)
class _Factors:
    """Compute the factors of each feature in the pull back, a sum of tensors of the batch's size.

    Attributes:
        saved: The tensors of the first derivative.
        pulls: The tensors that are pulled back.
        v_hat: ``Σ v x̂``.
        v_sum: ``Σ v``.
    """

    saved: _Saved
    pulls: _Pulls
    v_hat: Tensor
    v_sum: Tensor

    @cached_property
    def weight(self) -> Tensor:
        """The pull back to ``weight``.

        It is ``r ⟨v, P g⟩``.
        """
        saved = self.saved
        shares = (self.v_sum * saved.g_sum + self.v_hat * saved.g_hat) / saved.n
        return saved.r * (_dot(self.pulls.v, saved.g) - shares)

    @cached_property
    def g(self) -> Tensor:
        """The factor of ``g`` in the pull back to ``x``."""
        saved = self.saved
        return saved.r * (self.pulls.weight - saved.weight * saved.r * self.v_hat / saved.n)

    @cached_property
    def hat(self) -> Tensor:
        """The factor of ``x̂`` in the pull back to ``x``."""
        saved = self.saved
        return -(self.g * saved.g_hat + saved.weight * self.weight * saved.r) / saved.n

    @property
    def one(self) -> Tensor:
        """The constant in the pull back to ``x``."""
        saved = self.saved
        return -self.g * saved.g_sum / saved.n - self.hat * saved.r * saved.mean

    def to_x(self, back: Tensor) -> Tensor:
        """Sum up the pull back to ``x``, with ``J v`` as ``back``."""
        saved, of_x = self.saved, self.hat * self.saved.r
        total = back * _each(back, -saved.r * saved.g_hat / saved.n)
        total.addcmul_(saved.g, _each(back, self.g)).addcmul_(saved.x, _each(back, of_x))
        return total.add_(_each(back, self.one))

    def to_g(self, back: Tensor) -> Tensor:
        """Sum up the pull back to ``g`` in the memory of ``back``, which is ``J v``."""
        of_x = self.pulls.weight * self.saved.r
        one = self.pulls.bias - of_x * self.saved.mean
        return back.addcmul_(self.saved.x, _each(back, of_x)).add_(_each(back, one))


def _dot(v: Tensor, g: Tensor) -> Tensor:
    """Compute the inner product of each feature, by the kernel with mean 0 and deviation 1."""
    zeros = v.new_zeros(v.shape[1])
    return _pull_back(v, g, None, zeros, zeros + 1, (False, True, False))[1]


def _each(x: Tensor, values: Tensor) -> Tensor:
    """Shape ``values`` ``[feature]`` to meet ``x``."""
    return values.reshape(-1, *[1] * (x.ndim - 2))


def _num_values(x: Tensor) -> int:
    """Count the values of a feature."""
    return x.numel() // x.shape[1]


def _by_operations(saved: _Saved, pulls: _Pulls, eps: float) -> Three:
    """Pull back to ``g``, ``x`` and ``weight`` by operations that have all their derivatives."""
    batch = _Hat(saved.x, eps)
    saved, pulls = saved.shaped(), pulls.shaped()
    to_weight = batch.r * batch.total(pulls.v * batch.project(saved.g))
    to_x = _pulled_to_x(batch, saved, pulls, to_weight)
    return _pulled_to_g(batch, saved, pulls), to_x, to_weight.flatten()


def _pulled_to_x(batch: "_Hat", saved: _Saved, pulls: _Pulls, to_weight: Tensor) -> Tensor:
    """Pull back to ``x``, with the pull back to ``weight``."""
    to_hat = pulls.weight * saved.g
    to_hat = to_hat - batch.share(saved.weight) * batch.crossed(saved.g, pulls.v)
    return batch.r * batch.project(to_hat) - batch.share(saved.weight) * to_weight * batch.hat


def _pulled_to_g(batch: "_Hat", saved: _Saved, pulls: _Pulls) -> Tensor:
    """Pull back to ``g``."""
    through = saved.weight * batch.r * batch.project(pulls.v)
    return through + pulls.weight * batch.hat + pulls.bias


class _Hat:
    """Normalise a batch by operations that have all their derivatives."""

    def __init__(self, x: Tensor, eps: float) -> None:
        self.axes, self.n = [0, *range(2, x.ndim)], _num_values(x)
        variance, mean = torch.var_mean(x, self.axes, correction=0, keepdim=True)
        self.r = (variance + eps).rsqrt()
        self.hat = (x - mean) * self.r

    def total(self, value: Tensor) -> Tensor:
        """Sum over the values of each feature."""
        return value.sum(self.axes, keepdim=True)

    def project(self, value: Tensor) -> Tensor:
        """Take out the mean of each feature, and its share of the normalised batch."""
        return value - (self.total(value) + self.hat * self.total(value * self.hat)) / self.n

    def crossed(self, g: Tensor, v: Tensor) -> Tensor:
        """Multiply two tensors, each by the inner product of the other with the normalised batch.

        It gives ``⟨g, x̂⟩ v + ⟨v, x̂⟩ g``.
        """
        return self.total(g * self.hat) * v + self.total(v * self.hat) * g

    def share(self, weight: Tensor) -> Tensor:
        """Give the share of a single value in the scale of a feature.

        It is ``weight r/n``.
        """
        return weight * self.r / self.n


__all__ = ["normalise"]
