"""Inter-task affinity: two tasks are related if a step on one lowers the loss of the other."""

from functools import partial

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.models.functional import evaluating
from quickstudy.relatedness.gradients import mean_gradients
from quickstudy.relatedness.probe import Probe, ProbeModel
from quickstudy.relatedness.ratio import ratio
from quickstudy.targets import mean_over_examples


def affinity(
    learner: ProbeModel, batch: Batch, step: Tensor, judged: Tensor, lr: float = 0.05
) -> Tensor:
    """Measure how much a step on one task lowers the loss of another.

    ``Z_st = 1 − L_t(θ − lr · ∇L_s(θ)) / L_t(θ)``.

    Args:
        learner: A learner whose network gives scores, or the network; its weights are ``θ``.
        batch: All rows of every task.
        step: ``[task, example]``, 1 for the rows of ``L_s``, on whose mean loss a step is taken.
        judged: ``[..., task, example]``, 1 for the rows of ``L_t``, whose mean loss is compared.
        lr: Length of the step.

    Returns:
        ``[..., s, t]``; not symmetric. 0 for a task that has no loss to lower.

    Raises:
        UserError: If ``lr`` is not positive.

    Source: Fifty et al. 2021 (TAG), eq. 1. Differs from the paper: there it is averaged over
        training; here it is taken at one ``θ``, on rows that the step has not seen.

    Example:
        >>> import quickstudy as qs
        >>> line = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(line.weight)
        >>> x, y = torch.ones(2, 1, 1), torch.tensor([[[1.0]], [[-1.0]]])
        >>> every = torch.ones(2, 1)
        >>> affinity(line, qs.Batch(x, y, every), every, every, lr=0.5)
        tensor([[ 1., -3.],
                [-3.,  1.]])
    """
    require(lr > 0, f"Parameter `lr` should be positive. Found lr={lr}.")
    probe = Probe(learner, batch.target)
    directions = -lr * mean_gradients(learner, batch, step)
    with evaluating(probe.model), torch.no_grad():
        before = mean_over_examples(probe.batch_losses(probe.weights, batch), judged)
        after = [
            mean_over_examples(probe.batch_losses(probe.moved(own), batch), judged)
            for own in directions
        ]
    return torch.stack([_fall(before, loss) for loss in after], -2)


def _fall(before: Tensor, after: Tensor) -> Tensor:
    """Compute the part of a loss that is gone; 0 if there was none and there is none."""
    return (1 - after / before.where(before > 0, after)).nan_to_num(0.0)


def affinity_products(
    learner: ProbeModel, batch: Batch, halves: Tensor, lr: float = 0.05
) -> Tensor:
    """Compute the affinities from either half as inner products.

    The step is taken on either half of ``s``, and the loss on either half of ``t``. The fall of the
    loss is in units of both tasks' losses on all rows: ``Z_st L_t / √(L_s L_t)``. To first order in
    ``lr`` it is ``lr ⟨∇L_s, ∇L_t⟩ / √(L_s L_t)``: symmetric, as an inner product is.

    Args:
        learner: A learner whose network gives scores, or the network.
        batch: All rows of every task.
        halves: ``[split, 2, task, example]``, 1 for the rows of each half.
        lr: Length of the step.

    Returns:
        ``[split, half of s, half of t, task, task]``.
    """
    probe = Probe(learner, batch.target)
    with evaluating(probe.model), torch.no_grad():
        losses = probe.batch_losses(probe.weights, batch)
    unit = ratio(1.0, mean_over_examples(losses, batch.mask).sqrt())
    fallen = torch.stack([_by_half(learner, batch, own, lr) for own in halves])
    judged = mean_over_examples(losses, halves)[:, None, :, None, :]
    return fallen * judged * torch.outer(unit, unit)


def _by_half(learner: ProbeModel, batch: Batch, halves: Tensor, lr: float) -> Tensor:
    """Compute the affinities of one division ``[half of s, half of t, task, task]``."""
    return torch.stack([affinity(learner, batch, step, halves, lr) for step in halves])


def affinity_with(lr: float) -> partial[Tensor]:
    """Give the measure of affinity with steps of length ``lr``."""
    return partial(affinity_products, lr=lr)


__all__ = ["affinity", "affinity_products", "affinity_with"]
