"""The evidence: a joint Gaussian of all rows, and derivatives by differences."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from quickstudy.learners.priors.evidence import Evidence
from tests.unit.learners.priors.planted import DOUBLE, moments_of, planted

ACTIVE = torch.tensor([0, 2])
FACTOR = torch.tensor([[0.7, 0.0], [0.3, 0.9]], dtype=DOUBLE)
RIDGE = math.log(0.8)


def evidence(factor: torch.Tensor = FACTOR, ridge: float = RIDGE) -> Evidence:
    return Evidence(moments_of("evidence"), ACTIVE, factor, ridge)


def test_it_is_the_density_of_all_rows_with_a_flat_prior_over_the_intercept():
    """A prior of variance v over the intercept costs ``½ log 2πv`` as v grows."""
    x, y, sizes = planted("evidence")
    found = evidence()
    whole = torch.zeros(3, 2, dtype=DOUBLE)
    whole[ACTIVE] = FACTOR
    own = torch.block_diag(*(part @ whole @ whole.T @ part.T for part in x.split(sizes)))
    wide = 1e7
    of_mean = x @ torch.diag(torch.tensor([1 / 0.8, 1 / 0.8, wide], dtype=DOUBLE)) @ x.T
    covariance = found.noise * (own + of_mean + torch.eye(len(x), dtype=DOUBLE))
    expected = MultivariateNormal(torch.zeros_like(y), covariance).log_prob(y)
    # the constant of the flat prior
    expected += 0.5 * (2 * math.pi * wide * found.noise).log()
    assert found.value == pytest.approx(float(expected), rel=1e-5)


def test_the_noise_is_at_its_maximum_and_the_mean_is_generalised_least_squares():
    x, y, sizes = planted("evidence")
    found = evidence()
    whole = torch.zeros(3, 2, dtype=DOUBLE)
    whole[ACTIVE] = FACTOR
    eye = torch.eye(len(x), dtype=DOUBLE)
    own = torch.block_diag(*(part @ whole @ whole.T @ part.T for part in x.split(sizes)))
    precision = (eye + own).inverse()
    ridge = torch.diag(torch.tensor([0.8, 0.8, 0.0], dtype=DOUBLE))
    mean = torch.linalg.solve(x.T @ precision @ x + ridge, x.T @ precision @ y)
    torch.testing.assert_close(found.mean, mean, rtol=1e-7, atol=1e-9)
    away = y - x @ mean
    noise = (away @ precision @ away + mean @ ridge @ mean) / (len(y) - 1)
    torch.testing.assert_close(found.noise, noise)


def test_its_derivatives_are_those_of_differences():
    found, step = evidence(), 1e-5
    for row, column in ((0, 0), (1, 0), (1, 1)):
        away = torch.zeros(2, 2, dtype=DOUBLE)
        away[row, column] = step
        slope = (evidence(FACTOR + away).value - evidence(FACTOR - away).value) / (2 * step)
        assert float(found.slope[row, column]) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    slope = (evidence(ridge=RIDGE + step).value - evidence(ridge=RIDGE - step).value) / (2 * step)
    assert found.ridge_slope == pytest.approx(slope, rel=1e-5)


def test_a_score_is_the_derivative_by_a_variance_at_0():
    moments = moments_of("evidence")
    last, step = torch.tensor([2]), 1e-6
    without = Evidence(moments, last, FACTOR[1:, 1:], RIDGE)
    for feature in (0, 1):
        factor = torch.diag(torch.tensor([math.sqrt(step), 0.9], dtype=DOUBLE))
        wider = Evidence(moments, torch.tensor([feature, 2]), factor, RIDGE)
        slope = (wider.value - without.value) / step
        assert float(without.scores()[0][feature]) == pytest.approx(slope, rel=1e-3, abs=1e-3)
    assert (without.scores()[1] > 0).all()


def test_tasks_without_rows_change_nothing():
    x, y, sizes = planted("evidence")
    more = type(moments_of("evidence")).of(x, y, [*sizes, 0])
    assert Evidence(more, ACTIVE, FACTOR, RIDGE).value == pytest.approx(evidence().value)
