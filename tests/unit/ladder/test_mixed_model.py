"""The mixed model is that of the closed forms, and of the whole covariance's density."""

import math

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.ladder.mixed_model import mixed_model
from quickstudy.learners.empirical_bayes import Moments


def balanced(tasks=7, rows=5, seed=0):
    """A balanced one-way layout ``[task, row]``."""
    draw = np.random.default_rng(seed)
    return draw.normal(3, 2, (tasks, 1)) + draw.normal(0, 1, (tasks, rows))


def sums(y):
    ones = torch.ones(y.size, 1, dtype=torch.float64)
    return Moments.of(ones, torch.from_numpy(y.ravel()), [y.shape[1]] * len(y))


@pytest.mark.parametrize("restricted", [True, False])
def test_a_balanced_layout_has_the_closed_form_of_the_analysis_of_variance(restricted):
    y = balanced()
    rows = y.shape[1]
    within = y.var(axis=1, ddof=1).mean()
    between = rows * y.mean(1).var(ddof=1 if restricted else 0)
    found = mixed_model(sums(y), [0], restricted=restricted)
    assert float(found.mean) == pytest.approx(y.mean())
    assert float(found.noise) == pytest.approx(within, rel=1e-4)
    variance = float(found.factor.square())
    assert variance == pytest.approx((between - within) / rows, rel=1e-3)


def test_tasks_that_do_not_differ_have_no_variance():
    y = balanced()
    y = y - y.mean(1, keepdims=True)
    found = mixed_model(sums(y), [0], restricted=False)
    assert float(found.factor) == 0 and float(found.noise) == pytest.approx(y.var(), rel=1e-6)


@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("restricted", [True, False])
def test_the_deviance_is_minus_twice_the_log_density_of_the_rows(correlated, restricted):
    draw = np.random.default_rng(1)
    sizes = [6, 9, 4, 12, 7]
    x = np.column_stack([draw.normal(size=sum(sizes)), np.ones(sum(sizes))])
    task = np.repeat(np.arange(5), sizes)
    own = draw.normal(size=(5, 2)) @ [[0.8, 0.3], [0.0, 1.5]]
    y = (x * ([1.0, 2.0] + own[task])).sum(1) + draw.normal(0, 0.7, len(x))
    moments = Moments.of(torch.from_numpy(x), torch.from_numpy(y), sizes)
    found = mixed_model(moments, [0, 1], correlated, restricted)
    factor, mean = found.factor.numpy(), found.mean.numpy()
    of_tasks = (task[:, None] == task) * (x @ factor @ factor.T @ x.T)
    covariance = of_tasks + float(found.noise) * np.eye(len(x))
    apart = y - x @ mean
    solved = np.linalg.solve(covariance, np.column_stack([apart, x]))
    # the generalised least squares of β
    np.testing.assert_allclose(x.T @ solved[:, 0], 0, atol=1e-6)
    deviance = np.linalg.slogdet(covariance)[1] + apart @ solved[:, 0]
    rows = len(x)
    if restricted:
        # log det A is that of XᵀV⁻¹X with V in units of the noise
        deviance += np.linalg.slogdet(x.T @ solved[:, 1:] * float(found.noise))[1]
        rows -= 2
        deviance -= 2 * math.log(float(found.noise))
    assert found.deviance == pytest.approx(deviance + rows * math.log(2 * math.pi), abs=1e-5)


def test_the_deviance_is_least():
    """A little more or less of either variance is no better."""
    y = balanced(9, 4, 2)
    found = mixed_model(sums(y), [0], restricted=False)
    variance, noise = float(found.factor.square()), float(found.noise)

    def deviance(variance, noise):
        covariance = noise * np.eye(4) + variance
        apart = y - y.mean()
        squares = (apart @ np.linalg.inv(covariance) * apart).sum()
        return 9 * np.linalg.slogdet(covariance)[1] + squares + y.size * math.log(2 * math.pi)

    least = deviance(variance, noise)
    assert found.deviance == pytest.approx(least, abs=1e-6)
    for one, other in ((1.05, 1), (0.95, 1), (1, 1.05), (1, 0.95)):
        assert deviance(one * variance, other * noise) > least


def test_collinear_columns_are_served():
    y = balanced()
    ones = torch.ones(y.size, 1, dtype=torch.float64)
    twice = torch.cat([ones, ones], 1)
    moments = Moments.of(twice, torch.from_numpy(y.ravel()), [5] * 7)
    found = mixed_model(moments, [1])
    assert float(found.mean.sum()) == pytest.approx(y.mean(), rel=1e-6)


def test_no_rows_are_refused():
    empty = Moments.of(torch.zeros(0, 1), torch.zeros(0), [0, 0])
    with pytest.raises(qs.UserError, match="at least one row"):
        mixed_model(empty, [0])
