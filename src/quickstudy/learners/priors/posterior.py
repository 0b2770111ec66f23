"""Steps that a learned prior over numbers and one over classes share."""

import torch
from torch import Tensor, nn

from quickstudy.learners.learner import Adapted


def reset_prior(mean: nn.Parameter, factor: nn.Parameter, scale: float) -> None:
    """Put a prior back to its start: around 0, alike in all directions.

    Args:
        mean: ``μ`` ``[target, feature]``.
        factor: ``L`` ``[target, feature, feature]``.
        scale: The standard deviation of the weights.
    """
    nn.init.zeros_(mean)
    eye = torch.eye(factor.shape[1])
    with torch.no_grad():
        factor.copy_(scale * eye.expand_as(factor))


def with_one(features: Tensor) -> Tensor:
    """Append a column of ones, for the intercept, to ``features`` ``[..., feature]``."""
    return torch.cat([features, torch.ones_like(features[..., :1])], -1)


def posterior(mean: Tensor, prior: Tensor, away: Tensor, root: Tensor) -> Adapted:
    """Return the ``mean`` and a ``factor`` of the covariance of weights, given their prior.

    Args:
        mean: ``μ`` of the prior ``[target, feature]``.
        prior: ``L``, a factor of the prior's covariance ``[target, feature, feature]``.
        away: ``u``, so that the mean of the weights is ``μ + L u`` ``[task, target, feature, 1]``.
        root: See :func:`posterior_factor`.
    """
    weights = mean + (prior @ away).squeeze(-1)
    return {"mean": weights, "factor": posterior_factor(prior, root)}


def posterior_factor(prior: Tensor, root: Tensor) -> Tensor:
    """Return a factor of the covariance of a posterior ``[task, target, feature, feature]``.

    It is ``F = L R⁻ᵀ``, so that ``F Fᵀ = L (R Rᵀ)⁻¹ Lᵀ``.

    Args:
        prior: ``L``, a factor of the prior's covariance ``[target, feature, feature]``.
        root: ``R``, lower triangular ``[task, target, feature, feature]``.
    """
    return torch.linalg.solve_triangular(root, prior.mT.expand_as(root), upper=False).mT


__all__ = ["posterior", "posterior_factor", "reset_prior", "with_one"]
