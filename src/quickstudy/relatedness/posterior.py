"""Posterior weights: two linear tasks are related if they depart from the mean task alike."""

from functools import partial

import torch
from torch import Tensor

from quickstudy.episode import Batch
from quickstudy.errors import UserError
from quickstudy.learners import LinearPrior
from quickstudy.relatedness.gradients import inner_products
from quickstudy.relatedness.halves import masked, over_sets
from quickstudy.relatedness.probe import ProbeModel


def posterior_shift(learner: ProbeModel, batch: Batch, rows: Tensor) -> Tensor:
    """Measure how a task's rows shift its weights from the mean, in units of the prior.

    ``u_t = L⁻¹ (m_t − μ)``, with ``m_t`` the posterior mean of the weights.

    Args:
        learner: A :class:`~quickstudy.LinearPrior` with the prior ``N(μ, Σ)``, ``Σ = L Lᵀ``.
        batch: All rows of every task.
        rows: ``[..., task, example]``, 1 for the rows to use.

    Returns:
        ``[..., task, parameter]``; 0 for a task without such rows.

    Raises:
        UserError: If ``learner`` is not a LinearPrior.

    Source: none; it takes the posterior of our LinearPrior as an embedding of the task.
    """
    if not isinstance(learner, LinearPrior):
        raise UserError(
            "The probe of posterior weights should be a LinearPrior. Found "
            f"{type(learner).__name__}."
        )
    return over_sets(partial(_shift, learner, batch), rows)


def _shift(learner: LinearPrior, batch: Batch, rows: Tensor) -> Tensor:
    """Compute the shifts of all tasks ``[task, parameter]`` by one set of rows."""
    mean = learner.adapt(masked(batch, rows))["mean"]
    return _whitened(learner, mean).flatten(1)


def _whitened(learner: LinearPrior, mean: Tensor) -> Tensor:
    """Give ``mean`` ``[..., parameter]`` in coordinates in which the prior is the unit ball."""
    with torch.no_grad():
        shift = (mean - learner.mean).double().unsqueeze(-1)
        white = torch.linalg.pinv(learner.factor.tril().double()) @ shift
    return white.to(mean.dtype)


def posterior_cosine(learner: ProbeModel, batch: Batch, halves: Tensor) -> Tensor:
    """Compute inner products of the tasks' shifts, each from either half of its rows.

    They are ``[split, half of s, half of t, task, task]``.
    """
    return inner_products(posterior_shift(learner, batch, halves))


__all__ = ["posterior_cosine", "posterior_shift"]
