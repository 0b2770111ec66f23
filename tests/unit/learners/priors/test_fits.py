"""Fits of structures: closed forms, planted covariances, and objectives that never fall."""

import math
from itertools import pairwise

import pytest
import torch

from quickstudy.learners.priors.fits import (
    Fit,
    alike,
    diagonal,
    full,
    intercept_only,
    similar,
)
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.structures import Structure
from tests.unit.learners.priors.planted import DOUBLE, draws, moments_of

MOMENTS = moments_of("structures", 40)


def one_way(tasks: int, each: int) -> tuple[Moments, float, float]:
    """A balanced table without features, and its mean squares between and within tasks."""
    generator = draws("one way")
    level = torch.randn(tasks, 1, generator=generator, dtype=DOUBLE)
    y = level + 0.6 * torch.randn(tasks, each, generator=generator, dtype=DOUBLE)
    means = y.mean(1)
    between = each * float((means - y.mean()).square().sum()) / (tasks - 1)
    within = float((y - means.unsqueeze(1)).square().sum()) / (tasks * (each - 1))
    ones = torch.ones(tasks * each, 1, dtype=DOUBLE)
    return Moments.of(ones, y.flatten(), [each] * tasks), between, within


def test_a_balanced_one_way_table_has_the_estimates_of_its_mean_squares():
    moments, between, within = one_way(9, 4)
    fit = intercept_only(moments, width=math.inf).to(moments, 1e-9)
    assert float(fit.evidence.noise) == pytest.approx(within, rel=1e-4)
    assert float(fit.at[0]) ** 2 == pytest.approx((between - within) / 4 / within, rel=1e-3)


def test_without_differences_between_tasks_the_deviation_is_0():
    generator = draws("nothing between")
    y = torch.randn(12, 5, generator=generator, dtype=DOUBLE)
    y -= y.mean(1, keepdim=True)
    moments = Moments.of(torch.ones(60, 1, dtype=DOUBLE), y.flatten(), [5] * 12)
    fit = intercept_only(moments)
    assert abs(float(fit.at[0])) < 0.02
    # the degrees of freedom of all rows less the mean
    assert float(fit.evidence.noise) == pytest.approx(float(y.square().sum()) / 59, rel=1e-3)


def fits() -> dict[str, Fit]:
    first = intercept_only(MOMENTS)
    found = {"alike": alike(first), "similar": similar(first), "diagonal": diagonal(first)}
    return found | {"full": full(found["similar"]), "sparse": full(found["diagonal"])}


FITS = fits()


@pytest.mark.parametrize("name", FITS)
def test_the_objective_never_falls(name):
    values = FITS[name].objective
    assert len(values) > 2 and values[-1] > values[0]
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(values))


@pytest.mark.parametrize("name", FITS)
def test_the_end_is_a_maximum(name):
    structure: Structure = FITS[name].structure
    again = FITS[name].to(structure.moments, 1e-8)
    assert again.objective[-1] - again.objective[0] < 0.01
    assert float(structure(again.at)[1].abs().max()) < 0.05


def test_a_planted_covariance_is_found():
    moments = moments_of("planted covariance", 600, 10)
    fit = full(diagonal(intercept_only(moments)))
    evidence = fit.evidence
    covariance = torch.zeros(3, 3, dtype=DOUBLE)
    places = evidence.active.unsqueeze(1), evidence.active
    covariance[places] = evidence.noise * evidence.factor @ evidence.factor.T
    expected = torch.tensor([[0.64, 0, 0.24], [0, 0.01, 0], [0.24, 0, 0.25]], dtype=DOUBLE)
    torch.testing.assert_close(covariance, expected, rtol=0, atol=0.06)
    assert float(evidence.noise) == pytest.approx(0.25, abs=0.02)
    torch.testing.assert_close(
        evidence.mean, torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE), rtol=0, atol=0.1
    )


def test_features_of_equal_weights_are_left_out():
    generator = draws("idle")
    x = torch.randn(2000, 5, generator=generator, dtype=DOUBLE)
    x[:, -1] = 1
    slope, level = torch.randn(2, 100, 1, generator=generator, dtype=DOUBLE)
    noise = 0.5 * torch.randn(100, 20, generator=generator, dtype=DOUBLE)
    y = slope * x[:, 0].reshape(100, 20) + level + noise
    fit = diagonal(intercept_only(Moments.of(x, y.flatten(), [20] * 100)))
    deviations = dict(zip(fit.structure.active.tolist(), fit.at.abs().tolist(), strict=False))
    assert deviations[0] == pytest.approx(2, rel=0.2) and deviations[4] == pytest.approx(2, rel=0.2)
    assert all(deviations.get(idle, 0) < 0.1 for idle in (1, 2, 3))


def test_a_collinear_and_a_constant_feature_do_no_harm():
    generator = draws("collinear")
    x = torch.randn(200, 1, generator=generator, dtype=DOUBLE)
    level = torch.randn(20, generator=generator, dtype=DOUBLE).repeat_interleave(10)
    y = x[:, 0] + level + 0.3 * torch.randn(200, generator=generator, dtype=DOUBLE)
    rows = torch.cat([x, x, torch.full_like(x, 3.0), torch.ones_like(x)], 1)
    moments = Moments.of(rows, y, [10] * 20)
    fit = full(similar(intercept_only(moments)))
    assert float(fit.evidence.mean[:2].sum()) == pytest.approx(1, abs=0.1)
    assert float(fit.evidence.noise.sqrt()) == pytest.approx(0.3, abs=0.05)
