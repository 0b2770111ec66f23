"""The learned prior: conditioning of Gaussians, its limits, and what empirical Bayes finds."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal

import quickstudy as qs
from quickstudy import Batch, Episode
from quickstudy.learners.empirical_bayes import Moments, empirical_bayes

GENERATOR = qs.generator(0, "test")
TASKS, ROWS, SIZE = 3, 6, 2


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def learner(targets: int = 1) -> qs.LinearPrior:
    made = qs.LinearPrior(nn.Identity(), targets, embedding_size=SIZE, noise_scale=0.6).double()
    with torch.no_grad():
        made.mean += draw(*made.mean.shape)
        made.factor += 0.4 * draw(*made.factor.shape)
    return made


def with_one(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.ones(*x.shape[:-1], 1, dtype=x.dtype)], -1)


def batch(x: torch.Tensor, y: torch.Tensor) -> Batch:
    return Batch(x, y, torch.ones(x.shape[:2], dtype=x.dtype))


def test_the_prediction_is_the_conditional_of_a_joint_gaussian():
    """Support and query targets are jointly Gaussian; conditioning them needs no weights at all."""
    made = learner(targets=2)
    x, y, new = draw(TASKS, ROWS, SIZE), draw(TASKS, ROWS, 2), draw(TASKS, 4, SIZE)
    adapted = made.adapt(batch(x, y))
    low, high = made.interval(adapted, new, level=0.6826894921370859)
    for task in range(TASKS):
        for target in range(2):
            factor = made.factor[target].tril()
            rows = with_one(torch.cat([x[task], new[task]]))
            covariance = rows @ factor @ factor.T @ rows.T + 0.36 * torch.eye(
                ROWS + 4, dtype=torch.float64
            )
            mean = rows @ made.mean[target]
            gain = covariance[ROWS:, :ROWS] @ covariance[:ROWS, :ROWS].inverse()
            expected = mean[ROWS:] + gain @ (y[task, :, target] - mean[:ROWS])
            spread = (covariance[ROWS:, ROWS:] - gain @ covariance[:ROWS, ROWS:]).diagonal().sqrt()
            torch.testing.assert_close(made.predict(adapted, new)[task, :, target], expected)
            torch.testing.assert_close(high[task, :, target] - expected, spread)
            torch.testing.assert_close(expected - low[task, :, target], spread)


def test_the_loss_is_the_density_of_every_query():
    made = learner()
    support, query = (
        batch(draw(TASKS, ROWS, SIZE), draw(TASKS, ROWS, 1)),
        batch(draw(TASKS, 5, SIZE), draw(TASKS, 5, 1)),
    )
    losses = made.losses(Episode(support, query, torch.arange(TASKS)))
    adapted = made.adapt(support)
    low, high = made.interval(adapted, query.x, level=0.6826894921370859)
    normal = torch.distributions.Normal((low + high) / 2, (high - low) / 2)
    torch.testing.assert_close(losses, -normal.log_prob(query.y).mean((1, 2)))


def test_a_wide_prior_gives_least_squares_and_no_support_the_prior():
    made = qs.LinearPrior(nn.Identity(), embedding_size=SIZE, prior_scale=1e4).double()
    x, y = draw(1, 9, SIZE), draw(1, 9, 1)
    expected = torch.linalg.lstsq(with_one(x[0]), y[0]).solution[:, 0]
    torch.testing.assert_close(
        made.adapt(batch(x, y))["mean"][0, 0], expected, rtol=1e-6, atol=1e-6
    )
    empty = Batch(x, y, torch.zeros(1, 9, dtype=torch.float64))
    torch.testing.assert_close(made.adapt(empty)["mean"][0], made.mean)


def rows(
    tasks: int, each: int, mean: torch.Tensor, factor: torch.Tensor, noise: float
) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Rows of tasks drawn from a prior, of sizes from 1 to ``2 each``."""
    sizes = [1 + int(n) for n in torch.randint(0, 2 * each, (tasks,), generator=GENERATOR)]
    x = with_one(draw(sum(sizes), len(mean) - 1))
    weights = (mean + draw(tasks, len(mean)) @ factor.T).repeat_interleave(torch.tensor(sizes), 0)
    return x, (x * weights).sum(1) + noise * draw(len(x)), sizes


def test_the_evidence_is_that_of_the_joint_gaussian_and_never_falls():
    mean, factor = draw(SIZE + 1), 0.5 * draw(SIZE + 1, SIZE + 1)
    x, y, sizes = rows(5, 4, mean, factor, 0.3)
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
        Moments.of(*rows(600, 10, mean, factor, 0.5)), 200, shrinkage=0.0, tolerance=1e-9
    )
    torch.testing.assert_close(found.mean, mean, rtol=0, atol=0.1)
    torch.testing.assert_close(found.factor @ found.factor.T, factor @ factor.T, rtol=0, atol=0.08)
    assert math.sqrt(found.noise) == pytest.approx(0.5, abs=0.02)


def test_shrinkage_moves_the_covariance_to_its_diagonal():
    moments = Moments.of(*rows(40, 5, draw(3), 0.5 * draw(3, 3), 0.5))
    covariance = (lambda p: p.factor @ p.factor.T)(empirical_bayes(moments, 10, shrinkage=1.0))
    torch.testing.assert_close(covariance, torch.diag(covariance.diagonal()))
    with pytest.raises(qs.UserError, match=r"`shrinkage` should be from 0 to 1. Found 1.5"):
        empirical_bayes(moments, 1, shrinkage=1.5)


def test_a_table_is_fitted_and_intervals_cover():
    import pandas as pd

    mean, factor = draw(3), 0.7 * torch.eye(3, dtype=torch.float64)
    x, y, sizes = rows(80, 20, mean, factor, 0.8)
    task = torch.arange(80).repeat_interleave(torch.tensor(sizes))
    table = qs.tasks.Table(
        pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "shop": task, "sold": y}), "shop", "sold"
    )
    train, new = table.split_tasks(30)
    made = qs.LinearPrior(nn.Identity(), embedding_size=2)
    made.fit_tasks(train, iterations=60)
    episode = new.draw(4, None, qs.generator(0, "evaluate"))
    low, high = made.interval(made.adapt(episode.support), episode.query.x, level=0.9)
    inside = ((low <= episode.query.y) & (episode.query.y <= high)).squeeze(-1)[
        episode.query.mask > 0
    ]
    assert 0.85 < inside.double().mean() < 0.95


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qs.LinearPrior(nn.Identity()), "`embedding_size` is needed"),
        (
            lambda: qs.LinearPrior(nn.Identity(), 0, 2),
            "`targets` should be positive. Found targets=0.",
        ),
        (
            lambda: learner().adapt(Batch.of(torch.eye(2), torch.tensor([0, 1]))),
            "LinearPrior cannot serve Classes.way=2.*1 floating-point",
        ),
        (
            lambda: learner().interval({}, torch.zeros(1, 1, 2), 1.0),
            "`level` should be between 0 and 1. Found level=1.0.",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(qs.UserError, match=message):
        make()
