"""The learned prior over classes: scikit-learn's logistic regression as its mode, the posterior's
covariance, and what it finds."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

import quickstudy as qs
from quickstudy.learners.logistic_bayes import logistic_bayes
from quickstudy.models import Powers

GENERATOR = qs.generator(0, "test")
SIZE, WAY = 2, 3


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=GENERATOR, dtype=torch.float64)


def learner(**options: object) -> qs.LogisticPrior:
    made = qs.LogisticPrior(nn.Identity(), WAY, SIZE, **options).double()
    with torch.no_grad():
        made.mean += draw(*made.mean.shape)
        made.factor += 0.4 * draw(*made.factor.shape)
    return made


def with_one(x: torch.Tensor) -> torch.Tensor:
    return torch.cat([x, torch.ones_like(x[..., :1])], -1)


def support(rows: int = 12) -> qs.Batch:
    return qs.Batch(
        draw(2, rows, SIZE),
        torch.arange(2 * rows).reshape(2, rows) % WAY,
        torch.ones(2, rows, dtype=torch.float64),
    )


def test_around_zero_it_is_ridge_penalised_logistic_regression():
    made = qs.LogisticPrior(nn.Identity(), WAY, SIZE, prior_scale=1.7, posterior_steps=500).double()
    batch = support(30)
    adapted = made.adapt(batch)
    for task in range(2):
        reference = LogisticRegression(C=1.7**2, fit_intercept=False, tol=1e-10, max_iter=1000)
        reference.fit(with_one(batch.x[task]).numpy(), batch.y[task].numpy())
        np.testing.assert_allclose(adapted["mean"][task].numpy(), reference.coef_, atol=1e-5)


def joint(
    made: qs.LogisticPrior, weights: torch.Tensor, batch: qs.Batch, task: int
) -> torch.Tensor:
    """The logarithm of the density of the classes and the weights ``[class, feature]``, but for a
    constant."""
    factor = made.factor.tril()
    away = torch.linalg.solve_triangular(factor, (weights - made.mean).unsqueeze(-1), upper=False)
    scores = (with_one(batch.x[task]) @ weights.T).log_softmax(1)
    return scores.gather(1, batch.y[task].unsqueeze(1)).sum() - 0.5 * away.square().sum()


def test_every_step_makes_the_weights_likelier():
    made, batch = learner().requires_grad_(False), support()
    found = []
    for steps in (1, 2, 4, 8, 16):
        made.posterior_steps = steps
        found.append(float(joint(made, made.adapt(batch)["mean"][0], batch, 0)))
    assert all(after > before for before, after in pairwise(found))


def test_the_covariance_is_the_inverse_curvature_and_moderates_the_scores():
    made, batch = learner(posterior_steps=500).requires_grad_(False), support()
    adapted, new = made.adapt(batch), draw(2, 5, SIZE)
    for task in range(2):
        mode = adapted["mean"][task]
        hessian = torch.autograd.functional.hessian(
            lambda weights, task=task: joint(made, weights, batch, task), mode
        )
        for index in range(WAY):
            covariance = -hessian[index, :, index].inverse()
            torch.testing.assert_close(
                adapted["factor"][task, index] @ adapted["factor"][task, index].T, covariance
            )
            phi = with_one(new[task])
            spread = (phi @ covariance * phi).sum(1)
            expected = phi @ mode[index] / (1 + math.pi / 8 * spread).sqrt()
            torch.testing.assert_close(made.predict(adapted, new)[task, :, index], expected)


def planted(
    num_tasks: int = 60, rows: int = 20, spread: float = 2.0
) -> tuple[qs.tasks.TableTasks, qs.tasks.TableTasks]:
    """Two classes by a slope that is common and an offset that is not."""
    draw = np.random.default_rng(0)
    task = np.repeat(np.arange(num_tasks), rows)
    x = draw.normal(size=len(task))
    score = 2 * x + spread * draw.normal(size=num_tasks)[task]
    table = pd.DataFrame(
        {"task": task, "x": x, "y": draw.random(len(task)) < 1 / (1 + np.exp(-score))}
    )
    return qs.tasks.Table(table, "task", "y", kind="classification").split_tasks(20)


def log_loss(made: qs.LogisticPrior, tasks: qs.tasks.TableTasks) -> float:
    episode = tasks.draw(5, None, qs.generator(0, "five rows"))
    scores = made.predict(made.adapt(episode.support), episode.query.x)
    return float(
        nn.functional.cross_entropy(
            scores[episode.query.mask > 0], episode.query.y[episode.query.mask > 0]
        )
    )


def test_the_prior_that_drew_the_tasks_is_found():
    train, unseen = planted()
    found = qs.LogisticPrior(Powers(1, 1), 2)
    evidence = found.fit_tasks(train, shrinkage=0.0).log_evidence
    true = qs.LogisticPrior(Powers(1, 1), 2)
    with torch.no_grad():  # of both classes, half of the difference each
        true.mean.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        true.factor.copy_(torch.diag(torch.tensor([1e-3, 2 / math.sqrt(2)])).expand(2, -1, -1))
    learners = {"found": found, "true": true, "untrained": qs.LogisticPrior(Powers(1, 1), 2)}
    loss = {name: log_loss(made, unseen) for name, made in learners.items()}
    assert loss["true"] - 0.02 < loss["found"] < loss["true"] + 0.02 < loss["untrained"]
    assert evidence[-1] > evidence[0]
    covariance = found.factor.detach().tril() @ found.factor.detach().tril().transpose(1, 2)
    assert (
        0.75 * 2 < covariance[:, 1, 1].sum().sqrt() < 1.25 * 2
        and (covariance[:, 0, 0] < 0.3 * covariance[:, 1, 1]).all()
    )


def test_alike_tasks_have_a_narrow_prior():
    variance = []
    for spread in (0.0, 2.0):
        found = qs.LogisticPrior(Powers(1, 1), 2)
        found.fit_tasks(planted(spread=spread)[0])
        variance.append(found.factor.detach().tril()[:, 1].square().sum(1))
    assert (variance[0] < 0.15 * variance[1]).all()


def test_neither_the_order_of_tasks_nor_their_padding_matters():
    sizes = [3, 9, 1, 20, 4]
    x, y = with_one(draw(sum(sizes), SIZE)), torch.arange(sum(sizes)) % WAY
    one = logistic_bayes(x, y, sizes, WAY, iterations=5)
    order = [3, 0, 4, 2, 1]
    parts = [list(zip(x.split(sizes), y.split(sizes), strict=True))[index] for index in order]
    other = logistic_bayes(
        torch.cat([a for a, _ in parts]),
        torch.cat([b for _, b in parts]),
        [sizes[i] for i in order],
        WAY,
        iterations=5,
    )
    torch.testing.assert_close(one.mean, other.mean)
    torch.testing.assert_close(one.factor, other.factor)
    assert one.log_evidence == pytest.approx(other.log_evidence)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: qs.LogisticPrior(nn.Identity(), 0, 2), "`way` should be positive. Found way=0"),
        (
            lambda: qs.LogisticPrior(nn.Identity(), 2, 2, posterior_steps=0),
            "`posterior_steps` should be positive",
        ),
        (
            lambda: qs.LogisticPrior(nn.Identity(), 2, 1).adapt(
                qs.Batch.of(torch.zeros(3, 1), torch.arange(3))
            ),
            "cannot serve Classes.way=3.* knows 2 classes",
        ),
        (
            lambda: qs.LogisticPrior(nn.Identity(), 2, 1).adapt(
                qs.Batch.of(torch.zeros(3, 1), torch.zeros(3, 1))
            ),
            "cannot serve Numbers.* knows 2 classes",
        ),
        (
            lambda: logistic_bayes(torch.zeros(2, 1), torch.arange(2), [2], 2, shrinkage=2.0),
            "from 0 to 1. Found 2.0",
        ),
        (lambda: logistic_bayes(torch.zeros(0, 1), torch.arange(0), [], 2), "at least one row"),
        (
            lambda: qs.LogisticPrior(Powers(1, 1), 1).fit_tasks(planted()[0]),
            "cannot serve Classes.way=2.* knows 1 classes",
        ),
    ],
)
def test_mistakes(act, message):
    with pytest.raises(qs.UserError, match=message):
        act()
