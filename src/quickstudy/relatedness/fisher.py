"""Fisher embeddings: two tasks are related if they need the same weights of a network."""

from functools import partial

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.learners import Learner
from quickstudy.models.functional import evaluating
from quickstudy.relatedness.gradients import inner_products, mean_gradients
from quickstudy.relatedness.halves import masked, over_sets
from quickstudy.relatedness.probe import Probe, ProbeModel
from quickstudy.relatedness.ratio import ratio


def fisher_diagonal(learner: ProbeModel, batch: Batch, rows: Tensor) -> Tensor:
    """Compute the diagonal of the Fisher information of every task.

    ``F_t = mean_i (∇_θ ℓ(f_θ(x_ti), y_ti))²``. A learner that adapts its head
    (:class:`~quickstudy.ANIL`, :class:`~quickstudy.HardSharing`) adapts it to the rows first. Then
    ``F_t`` is the diagonal of the body, at the task's head. Any other network is taken as it
    is.

    Args:
        learner: A learner whose network gives scores, or the network: the probe.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to use.

    Returns:
        ``[..., task, parameter]``; 0 for a task without such rows.

    Source: Achille et al. 2019 (Task2Vec), section 3.1. Differs from the paper: the labels are
        given, not drawn from the probe (the empirical Fisher), so the probe need not be a good
        model of a small task.
    """
    probe = Probe(learner, batch.target)
    if not (isinstance(learner, Learner) and _adapts_a_part(learner, probe, batch)):
        return mean_gradients(learner, batch, rows, power=2)
    return over_sets(partial(_diagonals_of_body, learner, probe, batch), rows)


def _adapts_a_part(learner: Learner, probe: Probe, batch: Batch) -> bool:
    """Say whether a task owns some weights of the probe and shares others."""
    if not learner.test_steps:
        return False
    shared = set(probe.weights) - set(learner.adapt(batch[:1]))
    return 0 < len(shared) < len(probe.weights)


def _diagonals_of_body(learner: Learner, probe: Probe, batch: Batch, rows: Tensor) -> Tensor:
    """Compute the diagonal of the body ``[task, parameter]`` at heads adapted to the rows."""
    heads = learner.adapt(masked(batch, rows))
    found = []
    with evaluating(probe.model):
        for task in range(batch.num_tasks):
            real = rows[task] > 0
            own = {name: value[task] for name, value in heads.items()}
            gradients = probe.row_gradients(batch.x[task][real], batch.y[task][real], own)
            found.append(_mean_square(gradients))
    return torch.stack(found)


def _mean_square(gradients: Tensor) -> Tensor:
    """Average the squares ``[parameter]`` over rows; 0 without a row."""
    return gradients.square().sum(0) / max(1, len(gradients))


def fisher_embedding(learner: ProbeModel, batch: Batch, rows: Tensor) -> Tensor:
    """Normalise the Fisher diagonal of every task, so that its cosine compares tasks.

    With ``p_t = F_t / Σ_j F_tj`` the share of each parameter and ``p̄`` its mean over tasks, the
    embedding is ``p_t / p̄ − 1``: how much more than others the task needs each parameter. It is 0
    for parameters that no task needs.

    Args:
        learner: The probe, see :func:`fisher_diagonal`.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to use.

    Returns:
        ``[..., task, parameter]``.

    Source: Achille et al. 2019 (Task2Vec), section 3.3. Differs from the paper: entries are
        normalised by the mean of all tasks, not of the two compared. The mean is taken out,
        since vectors without negative entries are all alike.

    Example:
        >>> import torch, quickstudy as qs
        >>> x = torch.randn(50, 2, generator=qs.generator(0, "example")).expand(3, 50, 2)
        >>> # two tasks need the first feature, one needs the second
        >>> y = torch.stack([x[0, :, :1], x[1, :, :1], x[2, :, 1:]])
        >>> plane = torch.nn.Linear(2, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(plane.weight)
        >>> every = torch.ones(3, 50)
        >>> (fisher_embedding(plane, qs.Batch(x, y, every), every) > 0).tolist()
        [[True, False], [True, False], [False, True]]
    """
    fisher = fisher_diagonal(learner, batch, rows)
    total = fisher.sum(-1, keepdim=True)
    seen = (total > 0).to(fisher.dtype)
    share = ratio(fisher, total)
    mean = share.sum(-2, keepdim=True) / seen.sum(-2, keepdim=True).clamp(min=1)
    return torch.where(mean > 0, ratio(share, mean) - 1, 0.0) * seen


def fisher_cosine(learner: ProbeModel, batch: Batch, halves: Tensor) -> Tensor:
    """Compute inner products of the tasks' embeddings, each from either half of its rows.

    They are ``[split, half of s, half of t, task, task]``.
    """
    return inner_products(fisher_embedding(learner, batch, halves))


__all__ = ["fisher_cosine", "fisher_diagonal", "fisher_embedding"]
