"""Rows of tasks with a planted prior, and their density computed row by row."""

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

import quickstudy as qs
from quickstudy.learners.priors.moments import Moments
from tests.unit.learners.points import drawn_rows

DOUBLE = torch.float64


def draws(name: str) -> torch.Generator:
    return qs.generator(0, name)


def planted(
    name: str, tasks: int = 12, each: int = 5, noise: float = 0.5
) -> tuple[Tensor, Tensor, list[int]]:
    """Rows of weights with the means 1, −2, 0.5, and the first and the last ones correlated."""
    mean = torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE)
    factor = torch.diag(torch.tensor([0.8, 0.1, 0.4], dtype=DOUBLE))
    factor[2, 0] = 0.3
    return drawn_rows(draws(name), tasks, each, mean, factor, noise)


def moments_of(name: str, tasks: int = 12, each: int = 5) -> Moments:
    return Moments.of(*planted(name, tasks, each))


def joint_density(rows: Tensor, y: Tensor, mean: Tensor, covariance: Tensor, noise: float) -> float:
    """The log density of all rows of one task: weights and noise are added up, row by row."""
    whole = rows @ covariance @ rows.T + noise * torch.eye(len(rows), dtype=DOUBLE)
    return float(MultivariateNormal(rows @ mean, whole).log_prob(y))
