"""Gradient cosine: two tasks are related if they pull the shared weights the same way."""

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.models.functional import evaluating
from quickstudy.relatedness.probe import Probe, ProbeModel


def mean_gradients(learner: ProbeModel, batch: Batch, rows: Tensor, power: int = 1) -> Tensor:
    """Average each task's gradient, entry by entry to a power, over chosen rows.

    ``g_t = mean_i ∇_θ ℓ(f_θ(x_ti), y_ti)``, or ``mean_i (∇_θ ℓ)²`` for ``power = 2``, at the
    weights ``θ`` of the network.

    Args:
        learner: A learner whose network gives scores, or the network.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to average over.
        power: 1 or 2.

    Returns:
        ``[..., task, parameter]``; 0 for a task without such rows.

    Example:
        >>> import quickstudy as qs
        >>> line = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(line.weight)
        >>> batch = qs.Batch.of(torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [1.0]]))
        >>> mean_gradients(line, batch, batch.mask)  # d/dw (w x − y)² = −2 x y at w = 0
        tensor([[-4.]])

    Source: Wang et al. 2021 (Gradient Vaccine), section 3: the cosine of two such gradients is
        their similarity.
    """
    probe = Probe(learner, batch.target)
    found = []
    with evaluating(probe.model):
        for task in range(batch.num_tasks):
            real = batch.mask[task] > 0
            gradients = probe.row_gradients(batch.x[task][real], batch.y[task][real])
            found.append(_average(gradients.pow(power), rows[..., task, :], real))
    return torch.stack(found, -2)


def _average(values: Tensor, chosen: Tensor, real: Tensor) -> Tensor:
    """Average ``values`` ``[real row, parameter]`` over the chosen rows ``[..., example]``."""
    return chosen[..., real] @ values / chosen.sum(-1, keepdim=True).clamp(min=1)


def gradient_cosine(learner: ProbeModel, batch: Batch, halves: Tensor) -> Tensor:
    """Compute inner products of the tasks' gradients, each from either half of its rows.

    ``⟨g_s, g_t⟩`` as ``[split, half of s, half of t, task, task]``.
    """
    return inner_products(mean_gradients(learner, batch, halves))


def inner_products(vectors: Tensor) -> Tensor:
    """Multiply the vectors of all pairs of tasks, each from either half of its rows.

    Args:
        vectors: ``[split, half, task, parameter]``.

    Returns:
        ``⟨v_s, v_t⟩`` as ``[split, half of s, half of t, task, task]``.
    """
    return torch.einsum("rasp,rbtp->rabst", vectors, vectors)


__all__ = ["gradient_cosine", "inner_products", "mean_gradients"]
