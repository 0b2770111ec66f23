"""Gradient cosine: two tasks are related where they pull the shared weights the same way."""

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners import Learner
from quickstudy.learners.learner import evaluating
from quickstudy.relatedness.probe import Probe


def mean_gradients(
    learner: Learner | nn.Module, batch: Batch, rows: Tensor, power: int = 1
) -> Tensor:
    """The mean over chosen rows of each task's gradient, entry by entry to the ``power``.

    ``g_t = mean_i ∇_θ ℓ(f_θ(x_ti), y_ti)``, or ``mean_i (∇_θ ℓ)²`` for ``power = 2``, at the
    weights ``θ`` that the network has.

    Args:
        learner: A learner whose network gives scores, or the network.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to take the mean of.
        power: 1 or 2.

    Returns:
        ``[..., task, parameter]``; 0 where a task has no row.

    Example:
        >>> import quickstudy as qs
        >>> line = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(line.weight)
        >>> # d/dw (w x − y)² = −2 x y
        >>> batch = qs.Batch.of(torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [1.0]]))
        >>> mean_gradients(line, batch, batch.mask)
        tensor([[-4.]])

    Source: the cosine of two such gradients is the similarity of Wang et al. 2021 (Gradient
        Vaccine), section 3.
    """
    probe = Probe(learner, batch.target)
    with evaluating(probe.model):
        found = []
        for task in range(batch.num_tasks):
            chosen, real = rows[..., task, :], batch.mask[task] > 0
            gradients = probe.row_gradients(batch.x[task][real], batch.y[task][real]).pow(power)
            found.append(chosen[..., real] @ gradients / chosen.sum(-1, keepdim=True).clamp(min=1))
    return torch.stack(found, -2)


def gradient_cosine(learner: Learner | nn.Module, batch: Batch, halves: Tensor) -> Tensor:
    """Inner products ``⟨g_s, g_t⟩`` of the tasks' gradients, each from either half ``[split, 2, 2, task, task]``."""
    return inner_products(mean_gradients(learner, batch, halves))


def inner_products(vectors: Tensor) -> Tensor:
    """``⟨v_s, v_t⟩`` with ``v_s`` of the one half and ``v_t`` of the other: ``[split, half of s,
    half of t, task, task]``.

    ``vectors`` are ``[split, half, task, parameter]``.
    """
    return torch.einsum("rasp,rbtp->rabst", vectors, vectors)


__all__ = ["gradient_cosine", "inner_products", "mean_gradients"]
