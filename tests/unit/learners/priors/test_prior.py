"""A prior's densities: joint Gaussians, and noise that is integrated out."""

import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import multivariate_t

from quickstudy.learners.priors.evidence import Evidence
from quickstudy.learners.priors.moments import Moments
from quickstudy.learners.priors.prior import Prior, gamma_nodes, triangular
from tests.unit.learners.priors.planted import DOUBLE, draws, joint_density, moments_of, planted

MEAN = torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE)
FACTOR = torch.tensor([[0.8, 0, 0], [0.1, 0.4, 0], [0.3, 0, 0.2]], dtype=DOUBLE)
PRIOR = Prior(MEAN, FACTOR, torch.tensor(0.25, dtype=DOUBLE))


def test_the_density_of_a_task_is_the_joint_gaussian_of_its_rows():
    x, y, sizes = planted("densities")
    found = PRIOR.log_densities(Moments.of(x, y, sizes))
    tasks = zip(x.split(sizes), y.split(sizes), strict=True)
    expected = [joint_density(rows, own, MEAN, FACTOR @ FACTOR.T, 0.25) for rows, own in tasks]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=DOUBLE))


def test_noise_of_its_own_gives_students_distribution_if_weights_are_known():
    x, y, sizes = planted("student")
    known = replace(PRIOR, factor=1e-9 * FACTOR, shape=2.5)
    found = known.log_densities(Moments.of(x, y, sizes))
    for density, rows, own in zip(found.tolist(), x.split(sizes), y.split(sizes), strict=True):
        shape = 0.25 * torch.eye(len(own))
        expected = multivariate_t((rows @ MEAN).numpy(), shape.numpy(), df=5).logpdf(own.numpy())
        assert density == pytest.approx(float(expected), abs=1e-4)


def test_it_holds_the_covariance_of_the_weights_and_of_their_mean():
    active, factor = torch.tensor([0, 2]), torch.tensor([[0.7, 0], [0.3, 0.9]], dtype=DOUBLE)
    evidence = Evidence(moments_of("densities"), active, factor, 0.0)
    prior = Prior.at(evidence)
    expected = torch.zeros(3, 3, dtype=DOUBLE)
    expected[active.unsqueeze(1), active] = factor @ factor.T
    expected += torch.cholesky_inverse(evidence.mean_root)
    torch.testing.assert_close(prior.factor @ prior.factor.T, evidence.noise * expected)
    assert torch.equal(prior.factor, prior.factor.tril())


def test_in_other_units_rows_have_the_same_density_but_for_their_scale():
    x, y, sizes = planted("units")
    features, target = torch.tensor([2.0, 0.5, 1.0], dtype=DOUBLE), torch.tensor(3.0, dtype=DOUBLE)
    moments = Moments.of(x, y, sizes)
    scaled = PRIOR.log_densities(moments.scaled(features, target))
    found = PRIOR.unscaled(features, target).log_densities(moments)
    torch.testing.assert_close(found, scaled - moments.count * math.log(3))


def test_nodes_integrate_over_the_gamma_distribution():
    nodes, logarithms = gamma_nodes(3.0, MEAN)
    weights = logarithms.exp()
    assert float(weights.sum()) == pytest.approx(1)
    assert float(weights @ nodes) == pytest.approx(1, abs=1e-4)
    assert float(weights @ nodes**2) == pytest.approx(1 + 1 / 3, abs=1e-3)


def test_a_triangular_factor_of_a_covariance_that_lacks_directions():
    factor = torch.randn(4, 2, generator=draws("triangular"), dtype=DOUBLE)
    found = triangular(torch.cat([factor, torch.zeros(4, 3, dtype=DOUBLE)], 1))
    torch.testing.assert_close(found @ found.T, factor @ factor.T)
    assert torch.equal(found, found.tril()) and (found.diagonal() >= 0).all()
