"""Normalisation by the statistics of a task: batch normalisation that no other task leaks into.

``nn.BatchNorm`` keeps running averages that every forward pass changes, so a test task that a
meta-learner has seen changes the model for the next one. Under ``vmap`` it fails. A gradient
learner therefore replaces it by :class:`TaskNorm`, as
``torch.func.replace_all_batch_norm_modules_`` and ``nn.SyncBatchNorm.convert_sync_batchnorm`` do,
and says whose statistics count (its ``statistics`` parameter):

- ``"support"`` (default): mean and variance of the task's support set normalise support and query.
  Nothing is learned from the queries: a query's prediction does not depend on the other queries.
- ``"transductive"``: each set is normalised by its own mean and variance, as in the code of MAML,
  MAML++ and iMAML. Predictions depend on the other queries of the batch; results are labelled so.
- ``"frozen"``: ``nn.BatchNorm`` stays and uses the running averages it came with.

A network inside :class:`~quickstudy.models.Frozen` keeps its ``nn.BatchNorm`` under every policy.
"""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.models.frozen import Frozen
from quickstudy.models.functional import call
from quickstudy.models.normalise import normalise

Statistics = tuple[Tensor, ...]
"""Mean and variance ``[feature]`` of every :class:`TaskNorm` in the order of their calls, flat."""


class _Call:
    """Hold the settings that the normalisation layers of one forward pass share."""

    def __init__(self, mask: Tensor | None, given: Statistics | None, record: bool) -> None:
        self.mask, self.record = mask, record
        self.given: Iterator[Tensor] | None = None if given is None else iter(given)
        self.recorded: list[Tensor] = []
        self.plain = mask is None and given is None and not record

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give the mean and variance ``[feature]`` by which the next layer normalises ``x``."""
        if self.given is not None:
            mean, variance = next(self.given), next(self.given)
        else:
            mean, variance = _moments(x, self.mask)
        if self.record:
            self.recorded += [mean, variance]
        return mean, variance


_call: ContextVar[_Call | None] = ContextVar("task_norm_call", default=None)


class TaskNorm(nn.Module):
    """Normalise by mean and variance over the examples (and space) of one task.

    It gives ``weight · (x − mean) / √(variance + eps) + bias``. Mean and (biased) variance are
    taken over the real examples of ``x`` ``[example, feature, *space]``, or are given to
    :func:`forward`. It has no running averages and no state.

    Args:
        num_features: Number of features.
        eps: Added to the variance.
        affine: Whether there are ``weight`` and ``bias``.

    Source: Ioffe & Szegedy 2015, eq. 1–4, without the moving averages.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.num_features, self.eps = num_features, eps
        self.weight = nn.Parameter(torch.ones(num_features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(num_features)) if affine else None

    def reset_parameters(self) -> None:
        """Set weight to 1 and bias to 0."""
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` ``[example, feature, *space]``."""
        call = _call.get()
        # torch refuses a single value per feature, whose variance is 0 here
        if (call is None or call.plain) and x.numel() != x.shape[1]:
            return self._by_the_batch(x)
        return self._by_moments(x, *(call or _Call(None, None, False)).moments(x))

    def _by_moments(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """Normalise ``x`` by ``mean`` and ``variance`` ``[feature]``."""
        scale = self._scale(variance)
        shift = self._shift(mean, scale)
        return x * _beside(x, scale) + _beside(x, shift)

    def _scale(self, variance: Tensor) -> Tensor:
        """Give the factor of each feature."""
        scale = (variance + self.eps).rsqrt()
        return scale if self.weight is None else scale * self.weight

    def _shift(self, mean: Tensor, scale: Tensor) -> Tensor:
        """Give the number that is added to each feature."""
        return -mean * scale if self.bias is None else self.bias - mean * scale

    def _by_the_batch(self, x: Tensor) -> Tensor:
        """Normalise ``x`` by its statistics."""
        if self.weight is not None and self.bias is not None and _can_normalise(x, self.weight):
            return normalise(x, self.weight, self.bias, self.eps)
        return F.batch_norm(x, None, None, self.weight, self.bias, True, eps=self.eps)


def _can_normalise(x: Tensor, weight: Tensor) -> bool:
    """Say whether the closed form of the derivatives serves ``x`` and can pay off.

    Its derivatives are cheaper than torch's, so it pays off only if they may be asked for.
    """
    fits = x.device.type == "cpu" and x.dtype == weight.dtype and x.numel() > 0
    return fits and torch.is_grad_enabled() and not _is_traced()


def _is_traced() -> bool:
    """Say whether torch compiles or traces the code that runs."""
    return torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None


def _beside(x: Tensor, values: Tensor) -> Tensor:
    """Shape ``values`` ``[feature]`` to meet ``x`` ``[example, feature, *space]``."""
    return values.reshape(1, -1, *[1] * (x.ndim - 2))


def _moments(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Compute mean and biased variance of the real examples of ``x``."""
    axes = [0, *range(2, x.ndim)]
    if mask is not None:
        return _masked_moments(x, mask, axes)
    variance, mean = torch.var_mean(x, axes, correction=0)
    return mean, variance


def _masked_moments(x: Tensor, mask: Tensor, axes: list[int]) -> tuple[Tensor, Tensor]:
    weight, count = _real(x, mask), _num_real(x, mask)
    mean = (x * weight).sum(axes) / count
    centred = (x - _beside(x, mean)) * weight
    return mean, centred.square().sum(axes) / count


def _real(x: Tensor, mask: Tensor) -> Tensor:
    """Shape ``mask`` to meet ``x``: 1 for a real example, 0 for padding."""
    return mask.reshape(-1, *[1] * (x.ndim - 1)).to(x.dtype)


def _num_real(x: Tensor, mask: Tensor) -> Tensor:
    """Count the values of a feature in the real examples; 1 without any."""
    return (mask.sum().to(x.dtype) * x[0, 0].numel()).clamp(min=1)


def replace_batch_norm(model: nn.Module) -> nn.Module:
    """Replace every batch norm of ``model`` by a norm of tasks, in place.

    Each :class:`TaskNorm` has the parameters of the ``nn.BatchNorm`` that it replaces. A
    :class:`~quickstudy.models.Frozen` network stays as it is.

    Returns:
        ``model``, or the :class:`TaskNorm` that replaces it if it is a batch norm itself.
    """
    if isinstance(model, nn.modules.batchnorm._BatchNorm):
        return _of_batch_norm(model)
    if not isinstance(model, Frozen):
        _replace_children(model)
    return model


def _replace_children(model: nn.Module) -> None:
    """Replace every batch norm inside ``model``, also in modules that stand in it twice."""
    for name, child in model._modules.items():
        replaced = None if child is None else replace_batch_norm(child)
        if replaced is not child:
            setattr(model, name, replaced)


def _of_batch_norm(before: nn.modules.batchnorm._BatchNorm) -> TaskNorm:
    """Make a norm of tasks that has the parameters of a batch norm."""
    norm = TaskNorm(before.num_features, before.eps, affine=False)
    norm.weight, norm.bias = before.weight, before.bias
    return norm


def has_task_norm(model: nn.Module) -> bool:
    """Say whether ``model`` holds a norm of tasks."""
    return any(isinstance(module, TaskNorm) for module in model.modules())


def forward(
    model: nn.Module,
    weights: Mapping[str, Tensor],
    x: Tensor,
    mask: Tensor | None = None,
    statistics: Statistics | None = None,
    record: bool = False,
) -> tuple[Tensor, Statistics]:
    """Compute ``model(x)`` for one task, with ``weights`` in the place of its parameters.

    Args:
        model: Any module; it keeps the parameters and buffers that ``weights`` does not name.
        weights: Parameters by name.
        x: ``[example, *feature]``.
        mask: ``[example]``, or None if all examples are real. Padding does not count in the
            statistics.
        statistics: The statistics that :class:`TaskNorm` layers use; by default taken from ``x``.
        record: Whether to return the statistics that were used.

    Returns:
        The output ``[example, *output]``, and the statistics (empty unless ``record``).
    """
    if not has_task_norm(model):
        return call(model, weights, x), ()
    settings = _Call(mask, statistics, record)
    token = _call.set(settings)
    try:
        return call(model, weights, x), tuple(settings.recorded)
    finally:
        _call.reset(token)


__all__ = [
    "Statistics",
    "TaskNorm",
    "forward",
    "has_task_norm",
    "replace_batch_norm",
]
