"""The learned prior: conditioning of Gaussians, its limits, and what empirical Bayes finds."""

import pytest
import torch
from scipy import stats
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from tests.unit.learners.points import drawn_rows

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


def test_a_table_is_fitted_and_intervals_cover():
    import pandas as pd

    mean, factor = draw(3), 0.7 * torch.eye(3, dtype=torch.float64)
    x, y, sizes = drawn_rows(GENERATOR, 80, 20, mean, factor, 0.8)
    task = torch.arange(80).repeat_interleave(torch.tensor(sizes))
    table = qs.tasks.Table(
        pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "shop": task, "sold": y}), "shop", "sold"
    )
    train, new = table.split_tasks(30)
    made = qs.LinearPrior(nn.Identity(), embedding_size=2)
    assert made.fit_tasks(train, "full")[0].structure == "full"
    episode = new.draw(4, None, qs.generator(0, "evaluate"))
    low, high = made.interval(made.adapt(episode.support), episode.query.x, level=0.9)
    inside = ((low <= episode.query.y) & (episode.query.y <= high)).squeeze(-1)[
        episode.query.mask > 0
    ]
    assert 0.85 < inside.double().mean() < 0.95


def with_own_noise() -> qs.LinearPrior:
    """A prior whose weights are nearly known, and tasks with noise of their own, of shape 2.5."""
    made = learner()
    with torch.no_grad():
        made.factor *= 1e-6
        made.noise_shape.fill_(2.5)
    return made


def test_noise_of_its_own_gives_students_distribution():
    """With known weights the posterior of a precision is conjugate: Gamma(a + n/2, a + S/2)."""
    made, x = with_own_noise(), draw(TASKS, ROWS, SIZE)
    y = (with_one(x) @ made.mean.T).detach() + 0.6 * draw(TASKS, ROWS, 1)
    adapted = made.adapt(batch(x, y))
    squares = (y - with_one(x) @ made.mean.T).square().sum((1, 2)) / 0.36
    precision = (2.5 + ROWS / 2) / (2.5 + squares / 2)
    torch.testing.assert_close(adapted["noise"][:, 0], 0.36 / precision, rtol=1e-3, atol=0)
    assert adapted["freedom"].tolist() == [[5.0 + ROWS]] * TASKS
    new = draw(TASKS, 1, SIZE)
    low, high = made.interval(adapted, new, level=0.8)
    scale = adapted["noise"][:, 0].sqrt().numpy()
    half = stats.t(5 + ROWS).ppf(0.9) * scale
    torch.testing.assert_close(((high - low) / 2)[:, 0, 0], torch.from_numpy(half))
    target = draw(TASKS, 1, 1)
    losses = made.losses(Episode(batch(x, y), batch(new, target), torch.arange(TASKS)))
    away = (target - made.predict(adapted, new))[:, 0, 0].numpy()
    expected = -stats.t(5 + ROWS, scale=scale).logpdf(away)
    torch.testing.assert_close(losses.detach(), torch.from_numpy(expected), rtol=1e-4, atol=1e-4)


def test_a_task_of_no_rows_has_the_priors_noise():
    made, x = with_own_noise(), draw(1, 3, SIZE)
    empty = Batch(x, draw(1, 3, 1), torch.zeros(1, 3, dtype=torch.float64))
    adapted = made.adapt(empty)
    assert float(adapted["noise"]) == pytest.approx(0.36, rel=1e-3)
    assert adapted["freedom"].tolist() == [[5.0]]


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
