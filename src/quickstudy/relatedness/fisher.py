"""Fisher embeddings: two tasks are related where they need the same weights of a network."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.learners import Learner
from quickstudy.learners.learner import evaluating
from quickstudy.relatedness.gradients import inner_products, mean_gradients
from quickstudy.relatedness.probe import Probe


def fisher_diagonal(learner: Learner | nn.Module, batch: Batch, rows: Tensor) -> Tensor:
    """The diagonal of the Fisher information of every task: ``F_t = mean_i (∇_θ ℓ(f_θ(x_ti),
    y_ti))²``.

    A learner that adapts its head (:class:`~quickstudy.ANIL`, :class:`~quickstudy.HardSharing`)
    does so on the rows first, and ``F_t`` is that of the body, at the task's own head. Any other
    network is taken as it is.

    Args:
        learner: A learner whose network gives scores, or the network: the probe.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to use.

    Returns:
        ``[..., task, parameter]``; 0 where a task has no row.

    Source: Achille et al. 2019 (Task2Vec), section 3.1. Differs from it: the labels are the task's
        own (the empirical Fisher), so that
    the probe need not be a good model of a small task.
    """
    probe = Probe(learner, batch.target)
    fixed = set(probe.weights)
    if isinstance(learner, Learner) and learner.test_steps:
        fixed -= set(learner.adapt(batch[:1]))
    if len(fixed) == len(probe.weights) or not fixed or not isinstance(learner, Learner):
        return mean_gradients(learner, batch, rows, power=2)
    found = []
    for chosen in rows.reshape(-1, *rows.shape[-2:]):
        heads = learner.adapt(replace(batch, mask=batch.mask * chosen))
        with evaluating(probe.model):
            for task in range(batch.num_tasks):
                real = chosen[task] > 0
                own = {name: value[task] for name, value in heads.items()}
                squares = probe.row_gradients(
                    batch.x[task][real], batch.y[task][real], own
                ).square()
                found.append(squares.sum(0) / max(1, len(squares)))
    return torch.stack(found).reshape(*rows.shape[:-1], -1)


def fisher_embedding(learner: Learner | nn.Module, batch: Batch, rows: Tensor) -> Tensor:
    """The Fisher diagonal ``F_t`` of every task, normalised so that its cosine compares tasks.

    With ``p_t = F_t / Σ_j F_tj`` the share of each parameter, the embedding is ``p_t / p̄ − 1``,
    with ``p̄`` the mean over tasks: how much more than others the task needs each parameter.
    Parameters that no task needs are 0.

    Args:
        learner: The probe, see :func:`fisher_diagonal`.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to use.

    Returns:
        ``[..., task, parameter]``.

    Source: Achille et al. 2019 (Task2Vec), section 3.3. Differs from it: entries are normalised by
        the mean of all tasks rather than of
    the two compared, and the mean is taken out, since vectors without negative entries are all
    alike.

    Example:
        >>> import torch, quickstudy as qs
        >>> x = torch.randn(50, 2, generator=qs.generator(0, "example")).expand(3, 50, 2)
        >>> # two tasks that need the first feature, one the second
        >>> y = torch.stack([x[0, :, :1], x[1, :, :1], x[2, :, 1:]])
        >>> plane = torch.nn.Linear(2, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(plane.weight)
        >>> (fisher_embedding(plane, qs.Batch(x, y, torch.ones(3, 50)), torch.ones(3, 50)) > 0).tolist()
        [[True, False], [True, False], [False, True]]
    """
    fisher = fisher_diagonal(learner, batch, rows)
    total = fisher.sum(-1, keepdim=True)
    seen = (total > 0).to(fisher.dtype)
    share = fisher / total.where(total > 0, 1.0)
    mean = share.sum(-2, keepdim=True) / seen.sum(-2, keepdim=True).clamp(min=1)
    return torch.where(mean > 0, share / mean.where(mean > 0, 1.0) - 1, 0.0) * seen


def fisher_cosine(learner: Learner | nn.Module, batch: Batch, halves: Tensor) -> Tensor:
    """Inner products of the tasks' embeddings, each from either half ``[split, 2, 2, task, task]``."""
    return inner_products(fisher_embedding(learner, batch, halves))


__all__ = ["fisher_cosine", "fisher_diagonal", "fisher_embedding"]
