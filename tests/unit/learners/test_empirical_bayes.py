"""A prior by its evidence: a planted one, invariance to units, odd tables, and calibration."""

import math
from itertools import pairwise

import pytest
import torch
from scipy.stats import kstest, t

import quickstudy as qs
from quickstudy.learners.empirical_bayes import Moments, empirical_bayes
from quickstudy.learners.priors.own_noise import freedoms, precisions
from tests.unit.learners.points import drawn_rows
from tests.unit.learners.priors.planted import DOUBLE, draws, moments_of, planted

STRUCTURES = ("auto", "intercept", "alike", "diagonal", "similar", "full", "sparse")


@pytest.mark.parametrize("structure", STRUCTURES)
def test_the_objective_never_falls_and_a_prior_is_found(structure):
    found = empirical_bayes(moments_of("never falls", 30), structure, "shared")
    assert all(later >= earlier - 1e-6 for earlier, later in pairwise(found.log_evidence))
    assert found.structure == structure or structure == "auto"
    assert found.factor.isfinite().all() and math.isinf(found.shape)


def test_a_planted_prior_is_found():
    found = empirical_bayes(moments_of("planted", 600, 10))
    expected = torch.tensor([[0.64, 0, 0.24], [0, 0.01, 0], [0.24, 0, 0.25]], dtype=DOUBLE)
    torch.testing.assert_close(found.factor @ found.factor.T, expected, rtol=0, atol=0.08)
    torch.testing.assert_close(
        found.mean, torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE), rtol=0, atol=0.1
    )
    assert math.sqrt(found.noise) == pytest.approx(0.5, abs=0.02)
    assert found.structure in ("full", "sparse") and math.isfinite(found.held_out)


def test_units_change_nothing_but_units():
    x, y, sizes = planted("units of all", 30)
    plain = empirical_bayes(Moments.of(x, y, sizes), "sparse")
    units = torch.tensor([1e6, 1e-3, 1.0], dtype=DOUBLE)
    other = empirical_bayes(Moments.of(x * units, 1e4 * y, sizes), "sparse")
    torch.testing.assert_close(other.mean * units / 1e4, plain.mean, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(other.noise / 1e8, plain.noise, rtol=1e-4, atol=0)
    scaled = units.unsqueeze(1) * other.factor / 1e4
    torch.testing.assert_close(scaled, plain.factor, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize(
    "sizes", [[1, 1, 1, 1, 1, 1], [0, 5, 0, 1, 2, 9], [2], [0, 1], [3, 3, 3, 3]]
)
def test_tasks_of_few_rows_or_none(sizes):
    generator = draws("few rows")
    x = torch.randn(sum(sizes), 8, generator=generator, dtype=DOUBLE)
    x[:, -1] = 1
    y = torch.randn(sum(sizes), generator=generator, dtype=DOUBLE)
    found = empirical_bayes(Moments.of(x, y, sizes))
    assert found.mean.isfinite().all() and found.factor.isfinite().all() and found.noise > 0


def test_rows_that_are_all_alike():
    x = torch.ones(12, 3, dtype=DOUBLE)
    found = empirical_bayes(Moments.of(x, torch.full((12,), 4.0, dtype=DOUBLE), [3] * 4))
    assert float(found.mean.sum()) == pytest.approx(4, abs=1e-3) and found.noise.isfinite()


def own_noise_rows(tasks: int, each: int) -> tuple[Moments, torch.Tensor, torch.Tensor]:
    """Rows with noise of its own for each task; the weights, and a further row's target at 0."""
    generator = draws("own noise of tasks")

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=DOUBLE)

    precision = draw(tasks, 4).square().mean(1, keepdim=True)
    weights = torch.tensor([1.0, -1.0], dtype=DOUBLE) + draw(tasks, 2) * 0.7
    x = draw(tasks, each, 2)
    x[..., 1] = 1
    y = (x @ weights.unsqueeze(-1)).squeeze(-1) + 0.5 * draw(tasks, each) / precision.sqrt()
    further = weights[:, 1] + 0.5 * draw(tasks) / precision.squeeze(1).sqrt()
    return Moments.of(x.flatten(0, 1), y.flatten(), [each] * tasks), weights, further


def test_noise_of_its_own_is_found_only_if_it_is_there():
    assert 1.2 <= empirical_bayes(own_noise_rows(300, 10)[0]).shape <= 3
    assert math.isinf(empirical_bayes(moments_of("shared noise", 100, 10)).shape)


def test_ranks_of_true_weights_are_uniform():
    """Simulation-based calibration: the prior is learned from tasks, the ranks are of others."""
    mean = torch.tensor([1.0, -2.0, 0.5], dtype=DOUBLE)
    factor = torch.tensor([[0.8, 0, 0], [0, 0.1, 0], [0.3, 0, 0.4]], dtype=DOUBLE)
    prior = empirical_bayes(Moments.of(*drawn_rows(draws("learned"), 200, 6, mean, factor, 0.5)))
    generator = draws("ranked")
    weights = mean + torch.randn(400, 3, generator=generator, dtype=DOUBLE) @ factor.T
    x = torch.randn(400, 4, 3, generator=generator, dtype=DOUBLE)
    x[..., 2] = 1
    noise = 0.5 * torch.randn(400, 4, generator=generator, dtype=DOUBLE)
    y = (x @ weights.unsqueeze(-1)).squeeze(-1) + noise
    precision = (prior.factor @ prior.factor.T).inverse() + x.transpose(1, 2) @ x / prior.noise
    covariance = precision.inverse()
    pull = (x.transpose(1, 2) @ (y - x @ prior.mean).unsqueeze(-1)).squeeze(-1) / prior.noise
    centre = prior.mean + (covariance @ pull.unsqueeze(-1)).squeeze(-1)
    for direction in torch.eye(3, dtype=DOUBLE):
        spread = (direction @ covariance @ direction).sqrt()
        rank = torch.special.ndtr((weights - centre) @ direction / spread)
        assert kstest(rank.numpy(), "uniform").pvalue > 0.01


def test_ranks_of_further_rows_are_uniform_with_noise_of_their_own():
    moments, _, further = own_noise_rows(400, 6)
    prior = empirical_bayes(moments.of_tasks(torch.arange(400) < 200))
    new, truth = moments.of_tasks(torch.arange(400) >= 200), further[200:]
    noise = prior.noise / precisions(prior, new)
    gram = new.gram / noise.reshape(-1, 1, 1)
    covariance = ((prior.factor @ prior.factor.T).inverse() + gram).inverse()
    pull = (new.cross - new.gram @ prior.mean) / noise.unsqueeze(1)
    centre = prior.mean + (covariance @ pull.unsqueeze(-1)).squeeze(-1)
    scale = (covariance[:, 1, 1] + noise).sqrt()
    freedom = freedoms(torch.tensor([prior.shape]), new.count).squeeze(1)
    rank = t(freedom.numpy()).cdf(((truth - centre[:, 1]) / scale).numpy())
    assert kstest(rank, "uniform").pvalue > 0.01


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda: empirical_bayes(moments_of("x"), "wide"),
            "`structure` should be one of auto, intercept.*Found 'wide'",
        ),
        (
            lambda: empirical_bayes(moments_of("x"), "auto", "mine"),
            "`noise` should be one of auto, shared, own. Found 'mine'",
        ),
        (
            lambda: empirical_bayes(Moments.of(torch.zeros(0, 2), torch.zeros(0), [0, 0])),
            "at least one row",
        ),
    ],
)
def test_errors(ask, message):
    with pytest.raises(qs.UserError, match=message):
        ask()
