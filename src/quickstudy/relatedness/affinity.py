"""Inter-task affinity: two tasks are related where a step on the one lowers the loss of the other."""

from functools import partial

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.learners.learner import evaluating
from quickstudy.relatedness.gradients import mean_gradients
from quickstudy.relatedness.probe import Probe
from quickstudy.targets import mean_over_examples


def affinity(
    learner: Learner | nn.Module, batch: Batch, step: Tensor, judged: Tensor, lr: float = 0.05
) -> Tensor:
    """How much a step on one task lowers the loss of another: ``Z_st = 1 − L_t(θ − lr · ∇L_s(θ)) /
    L_t(θ)``.

    Args:
        learner: A learner whose network gives scores, or the network; its weights are ``θ``.
        batch: All rows of every task.
        step: ``[task, example]``, 1 for the rows whose mean loss ``L_s`` a step is taken on.
        judged: ``[..., task, example]``, 1 for the rows that ``L_t`` is the mean loss of.
        lr: Length of the step.

    Returns:
        ``[..., s, t]``; not symmetric. 0 where a task has no loss to lower.

    Raises:
        UserError: If ``lr`` is not positive.

    Source: Fifty et al. 2021 (TAG), eq. 1, there averaged over training; here at one ``θ``, on rows
        the step has not seen.

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
    x, y, shape = batch.x.flatten(0, 1), batch.y.flatten(0, 1), batch.mask.shape
    directions = -lr * mean_gradients(learner, batch, step)
    with evaluating(probe.model), torch.no_grad():
        before = mean_over_examples(probe.losses(probe.weights, x, y).reshape(shape), judged)
        after = [
            mean_over_examples(probe.losses(probe.moved(way), x, y).reshape(shape), judged)
            for way in directions
        ]
    return torch.stack(
        [1 - loss / before.where(before > 0, loss) for loss in after], -2
    ).nan_to_num(0.0)


def affinity_products(
    learner: Learner | nn.Module, batch: Batch, halves: Tensor, lr: float = 0.05
) -> Tensor:
    """The affinities with the step on either half and the loss on either half, as inner products
    ``[split, 2, 2, task, task]``.

    Fallen loss rather than its part, in units of both tasks' losses: ``Z_st L_t / √(L_s L_t)``, the
    last two of all rows. To first order in ``lr`` it is ``lr ⟨∇L_s, ∇L_t⟩ / √(L_s L_t)``:
    symmetric, as an inner product is."""
    probe = Probe(learner, batch.target)
    with evaluating(probe.model), torch.no_grad():
        losses = probe.losses(probe.weights, batch.x.flatten(0, 1), batch.y.flatten(0, 1)).reshape(
            batch.mask.shape
        )
    root = mean_over_examples(losses, batch.mask).sqrt()
    unit = torch.where(root > 0, 1 / root.where(root > 0, 1.0), 0.0)
    fallen = torch.stack(
        [
            torch.stack([affinity(learner, batch, half, split, lr) for half in split])
            for split in halves
        ]
    )
    return (
        fallen * mean_over_examples(losses, halves)[:, None, :, None, :] * torch.outer(unit, unit)
    )


def affinity_with(lr: float) -> partial[Tensor]:
    """:func:`affinity_products` with steps of length ``lr``."""
    return partial(affinity_products, lr=lr)


__all__ = ["affinity", "affinity_products", "affinity_with"]
