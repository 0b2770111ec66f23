"""Expectation maximisation of a prior: its evidence, a planted prior, and shrinkage."""

import math
from itertools import pairwise

import pytest
import torch
from torch.distributions import MultivariateNormal

import quickstudy as qs
from quickstudy.learners.empirical_bayes import Moments, empirical_bayes
from tests.unit.learners.points import drawn_rows

GENERATOR = qs.generator(0, "empirical bayes")
SIZE = 2


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def test_the_evidence_is_that_of_the_joint_gaussian_and_never_falls():
    mean, factor = draw(SIZE + 1), 0.5 * draw(SIZE + 1, SIZE + 1)
    x, y, sizes = drawn_rows(GENERATOR, 5, 4, mean, factor, 0.3)
    moments = Moments.of(x, y, sizes)
    climbed = [empirical_bayes(moments, iterations, 0.0, 0.0) for iterations in (3, 12)]
    evidence = climbed[1].log_evidence
    assert all(later >= earlier - 1e-9 * abs(earlier) for earlier, later in pairwise(evidence))
    prior, after = climbed[0], evidence[3]
    covariance = prior.factor @ prior.factor.T
    joint = sum(
        MultivariateNormal(
            own @ prior.mean,
            own @ covariance @ own.T + prior.noise * torch.eye(len(own), dtype=torch.float64),
        ).log_prob(v)
        for own, v in zip(x.split(sizes), y.split(sizes), strict=True)
    )
    assert after == pytest.approx(float(joint), rel=1e-9)


def test_a_planted_prior_is_found():
    mean, factor = (
        torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64),
        torch.diag(torch.tensor([0.8, 0.1, 0.4], dtype=torch.float64)),
    )
    factor[2, 0] = 0.3
    found = empirical_bayes(
        Moments.of(*drawn_rows(GENERATOR, 600, 10, mean, factor, 0.5)),
        200,
        shrinkage=0.0,
        tolerance=1e-9,
    )
    torch.testing.assert_close(found.mean, mean, rtol=0, atol=0.1)
    torch.testing.assert_close(found.factor @ found.factor.T, factor @ factor.T, rtol=0, atol=0.08)
    assert math.sqrt(found.noise) == pytest.approx(0.5, abs=0.02)


def test_shrinkage_moves_the_covariance_to_its_diagonal():
    moments = Moments.of(*drawn_rows(GENERATOR, 40, 5, draw(3), 0.5 * draw(3, 3), 0.5))
    covariance = (lambda p: p.factor @ p.factor.T)(empirical_bayes(moments, 10, shrinkage=1.0))
    torch.testing.assert_close(covariance, torch.diag(covariance.diagonal()))
    with pytest.raises(qs.UserError, match=r"`shrinkage` should be from 0 to 1. Found 1.5"):
        empirical_bayes(moments, 1, shrinkage=1.5)


def test_no_rows_are_refused():
    moments = Moments.of(torch.zeros(0, 2), torch.zeros(0), [0, 0])
    with pytest.raises(qs.UserError, match="at least one row"):
        empirical_bayes(moments)
