"""Posterior weights: two tasks of linear regression are related where they depart from the mean of all tasks alike."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch
from quickstudy.errors import UserError
from quickstudy.learners import Learner, LinearPrior
from quickstudy.relatedness.gradients import inner_products


def posterior_shift(learner: Learner | nn.Module, batch: Batch, rows: Tensor) -> Tensor:
    """How a task's rows shift its weights from those of all tasks, in units of the prior: ``u_t =
    L⁻¹ (m_t − μ)``.

    Args:
        learner: A :class:`~quickstudy.LinearPrior` with the prior ``N(μ, Σ)``, ``Σ = L Lᵀ``;
            ``m_t`` is its posterior mean.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to use.

    Returns:
        ``[..., task, parameter]``; 0 where a task has no row.

    Raises:
        UserError: If ``learner`` is not a LinearPrior.

    Source: what our LinearPrior knows of a task, taken as its embedding.
    """
    if not isinstance(learner, LinearPrior):
        raise UserError(
            "The probe of posterior weights should be a LinearPrior. Found "
            f"{type(learner).__name__}."
        )
    flat = rows.reshape(-1, *rows.shape[-2:])
    means = torch.stack(
        [learner.adapt(replace(batch, mask=batch.mask * own))["mean"] for own in flat]
    )
    with torch.no_grad():
        shift = (means - learner.mean).double().unsqueeze(-1)
        white = torch.linalg.pinv(learner.factor.tril().double()) @ shift
    return white.flatten(2).to(means.dtype).reshape(*rows.shape[:-1], -1)


def posterior_cosine(learner: Learner | nn.Module, batch: Batch, halves: Tensor) -> Tensor:
    """Inner products of the tasks' shifts, each from either half ``[split, 2, 2, task, task]``."""
    return inner_products(posterior_shift(learner, batch, halves))


__all__ = ["posterior_cosine", "posterior_shift"]
