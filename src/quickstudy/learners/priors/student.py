"""Student's t-distribution: its log density and its quantiles."""

import math

import torch
from torch import Tensor


def log_density(away: Tensor, scale: Tensor, freedom: Tensor) -> Tensor:
    """Compute the log density of Student's t-distribution.

    Args:
        away: Values less the centre ``[...]``.
        scale: The square of the scale ``[...]``.
        freedom: Degrees of freedom ``[...]``.
    """
    half = 0.5 * (freedom + 1)
    width = 0.5 * (math.pi * freedom * scale).log()
    tail = half * (away.square() / (freedom * scale)).log1p()
    return _log_constant(freedom, half) - width - tail


def _log_constant(freedom: Tensor, half: Tensor) -> Tensor:
    return torch.lgamma(half) - torch.lgamma(0.5 * freedom)


def quantile(probability: float, freedom: Tensor) -> Tensor:
    """Give the value that Student's t falls below with ``probability`` ``[...]``.

    Args:
        probability: Between 0 and 1.
        freedom: Degrees of freedom ``[...]``.
    """
    # importing quickstudy does not load it
    from scipy.special import stdtrit

    found = stdtrit(freedom.detach().double().cpu().numpy(), probability)
    return torch.as_tensor(found, dtype=freedom.dtype, device=freedom.device)


__all__ = ["log_density", "quantile"]
