"""Student's distribution: torch's density, and its quantiles by integration."""

import torch
from torch.distributions import StudentT

from quickstudy.learners.priors.student import log_density, quantile

FREEDOM = torch.tensor([1.5, 4.0, 30.0], dtype=torch.float64)


def test_the_density_is_torchs():
    away, scale = torch.tensor([0.3, -2.0, 5.0]).double(), torch.tensor([1.0, 0.5, 4.0]).double()
    expected = StudentT(FREEDOM, 0.0, scale.sqrt()).log_prob(away)
    torch.testing.assert_close(log_density(away, scale, FREEDOM), expected)


def test_quantiles_have_the_probability_below_them():
    top = quantile(0.95, FREEDOM)
    for value, freedom in zip(top.tolist(), FREEDOM, strict=True):
        points = torch.linspace(0, value, 20_001, dtype=torch.float64)
        inside = torch.trapezoid(StudentT(freedom).log_prob(points).exp(), points)
        torch.testing.assert_close(0.5 + float(inside), 0.95, rtol=0, atol=1e-6)
    torch.testing.assert_close(quantile(0.05, FREEDOM), -top)
