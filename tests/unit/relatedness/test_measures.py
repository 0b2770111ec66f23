"""Every measure against its closed form on linear tasks, and what holds for all of them."""

import math

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.relatedness import (
    MEASURES,
    affinity,
    cosines,
    fisher_diagonal,
    mean_gradients,
    posterior_shift,
    relate,
)
from quickstudy.relatedness.affinity import affinity_products
from quickstudy.relatedness.gradients import inner_products
from quickstudy.relatedness.halves import halves, rows_of
from tests.unit.relatedness.planted import planted, probe

DOUBLE = torch.float64
WEIGHTS = torch.tensor(
    [[1.0, 0.0, 2.0], [-1.0, 0.5, 0.0], [0.3, 0.3, 0.3], [2.0, -1.0, 1.0]], dtype=DOUBLE
)
THETA = torch.tensor([0.5, -0.2, 0.1], dtype=DOUBLE)


def line() -> nn.Module:
    model = nn.Linear(3, 1, bias=False, dtype=DOUBLE)
    with torch.no_grad():
        model.weight.copy_(THETA)
    return model


def quadratics() -> qs.Batch:
    """Tasks ``y = w_t x`` whose inputs have mean square 1 and no correlation: ``L_t(θ) = ‖θ − w_t‖²``."""
    x = math.sqrt(3) * torch.eye(3, dtype=DOUBLE).expand(4, 3, 3)
    return qs.Batch(x, x @ WEIGHTS.unsqueeze(-1), torch.ones(4, 3, dtype=DOUBLE))


def noisy() -> qs.Batch:
    draw = qs.generator(0, "noisy")
    x, e = (
        torch.randn(4, 9, 3, generator=draw, dtype=DOUBLE),
        torch.randn(4, 9, 1, generator=draw, dtype=DOUBLE),
    )
    mask = (torch.arange(9) < torch.tensor([[9], [5], [3], [1]])).to(DOUBLE)
    return qs.Batch(x, x @ WEIGHTS.unsqueeze(-1) + e, mask)


def test_gradients_of_linear_tasks():
    batch = quadratics()
    gradients = mean_gradients(line(), batch, batch.mask)
    assert torch.allclose(gradients, 2 * (THETA - WEIGHTS))
    found = cosines(inner_products(gradients.expand(1, 2, 4, 3)))[0, 0, 0]
    assert torch.allclose(
        found,
        torch.cosine_similarity(
            (THETA - WEIGHTS).unsqueeze(0), (THETA - WEIGHTS).unsqueeze(1), dim=-1
        ),
    )


def test_gradients_are_those_of_the_rows_asked_for():
    batch, learner = noisy(), qs.MAML(qs.models.MLP(3, 1, hidden=(4,)).to(DOUBLE), inner_lr=0.1)
    rows = batch.mask.clone()
    rows[0, 4:] = 0
    found = mean_gradients(learner, batch, rows)
    loss = (learner.model(batch.x[0, :4]) - batch.y[0, :4]).square().mean()
    assert torch.allclose(
        found[0],
        torch.cat(
            [part.flatten() for part in torch.autograd.grad(loss, list(learner.model.parameters()))]
        ),
    )


def test_the_fisher_diagonal_of_linear_regression():
    """With residual ``r``, a row's gradient is ``2 r x``, so the diagonal is ``4 mean r² x²``."""
    batch = noisy()
    residual = (batch.x @ THETA).unsqueeze(-1) - batch.y
    squares = 4 * residual.square() * batch.x.square() * batch.mask.unsqueeze(-1)
    assert torch.allclose(
        fisher_diagonal(line(), batch, batch.mask), squares.sum(1) / batch.mask.sum(1, keepdim=True)
    )


def test_the_fisher_diagonal_of_a_body_is_that_at_the_tasks_own_head():
    learner = qs.HardSharing(
        qs.models.MLP(3, 1, hidden=(4,)).to(DOUBLE), 1, test_steps=5, inner_lr=0.1
    )
    batch = noisy()[:2]
    found, heads = fisher_diagonal(learner, batch, batch.mask), learner.adapt(batch)
    body = [name for name, _ in learner.model.named_parameters() if name not in heads]
    own = {name: value[1] for name, value in heads.items()}
    weights = {
        name: value.detach().requires_grad_() for name, value in learner.model.named_parameters()
    } | own
    total = 0
    for x, y in zip(batch.x[1, :5], batch.y[1, :5], strict=True):
        loss = (
            (torch.func.functional_call(learner.model, weights, (x.unsqueeze(0),)) - y)
            .square()
            .sum()
        )
        total += torch.cat(
            [part.flatten() for part in torch.autograd.grad(loss, [weights[name] for name in body])]
        ).square()
    assert torch.allclose(found[1], total / 5) and found.shape == (2, 16)


def test_the_affinity_of_quadratics():
    """A step on ``s`` goes to ``θ − 2 lr (θ − w_s)``, where ``L_t = ‖· − w_t‖²``."""
    batch, lr = quadratics(), 0.1
    moved = THETA - 2 * lr * (THETA - WEIGHTS)
    after = (moved.unsqueeze(1) - WEIGHTS).square().sum(-1)
    expected = 1 - after / (THETA - WEIGHTS).square().sum(-1)
    assert torch.allclose(affinity(line(), batch, batch.mask, batch.mask, lr), expected)


def test_short_steps_have_the_affinity_of_gradients():
    batch = noisy()
    split = halves(batch.mask, torch.arange(4), 2)
    steps, gradients = (
        cosines(affinity_products(line(), batch, split, lr=1e-7)),
        cosines(MEASURES["gradient"](line(), batch, split)),
    )
    big = slice(0, 2)  # the others have halves of one row or none
    for half in (0, 1):
        assert torch.allclose(
            steps[:, half, half, big, big], gradients[:, half, half, big, big], atol=1e-5
        )


def test_posterior_shifts_in_closed_form():
    learner = qs.LinearPrior(nn.Identity(), embedding_size=3, noise_scale=0.7).to(DOUBLE)
    factor = torch.tril(torch.randn(4, 4, generator=qs.generator(0, "factor"), dtype=DOUBLE))
    with torch.no_grad():
        learner.factor[0], learner.mean[0] = factor, torch.tensor([0.1, 0.2, 0.3, 0.4])
    batch = noisy()
    x, y = torch.cat([batch.x, torch.ones(4, 9, 1, dtype=DOUBLE)], -1)[1, :5], batch.y[1, :5, 0]
    precision = torch.linalg.inv(factor @ factor.T) + x.T @ x / 0.49
    shift = torch.linalg.solve(precision, x.T @ (y - x @ learner.mean[0]) / 0.49)
    found = posterior_shift(learner, batch, batch.mask)
    assert torch.allclose(found[1], torch.linalg.solve(factor, shift).detach())
    none = posterior_shift(learner, batch, torch.zeros_like(batch.mask))
    assert none.abs().max() < 1e-12


@pytest.mark.parametrize("measure", MEASURES)
def test_tasks_may_come_in_any_order(measure):
    """Symmetric, 1 on the diagonal; permuted tasks permute the matrix; padding and the probe stay what they are."""
    tasks, _ = planted(0, rows=12, each=2)
    learner = probe(measure, tasks)
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    found = relate(learner, tasks, measure, splits=2)
    assert torch.equal(found.similarity, found.similarity.T) and torch.equal(
        found.similarity.diagonal(), torch.ones(6)
    )
    assert float(found.similarity.abs().max()) <= 1 and found.names == tuple("012345")
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    permuted = relate(learner, tasks[order], measure, splits=2)
    assert torch.allclose(permuted.similarity, found.similarity[order][:, order], atol=2e-4)
    query = tasks.query
    pad = torch.full((6, 3, 6), 9.0), torch.full((6, 3, 1), 9.0), torch.zeros(6, 3)
    padded = qs.Batch(
        *(torch.cat(pair, 1) for pair in zip((query.x, query.y, query.mask), pad, strict=True))
    )
    same = relate(learner, qs.Episode(tasks.support, padded, tasks.task), measure, splits=2)
    assert torch.allclose(same.similarity, found.similarity, atol=2e-4)
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())


def test_classes_are_served():
    """Two tasks that call class 0 what the two others call class 1."""
    draw = qs.generator(0, "classes")
    x = torch.randn(4, 40, 2, generator=draw)
    y = (x[..., 0] > 0).long()
    y[2:] = 1 - y[2:]
    found = relate(qs.models.MLP(2, 2, hidden=(8,)), qs.Batch(x, y, torch.ones(4, 40)), splits=3)
    assert (
        float(found.similarity[0, 1]) > 0.8
        and float(found.similarity[2, 3]) > 0.8
        and float(found.similarity[:2, 2:].max()) < 0
    )


def test_halves_share_no_row_and_hold_all():
    mask = (torch.arange(7) < torch.tensor([[7], [4], [1], [0]])).float()
    split = halves(mask, torch.tensor([3, 1, 5, 9]), 5, seed=2)
    assert torch.equal(split.sum(1), mask.expand(5, 4, 7)) and split[:, 0].sum(-1)[0].tolist() == [
        3,
        2,
        0,
        0,
    ]
    assert torch.equal(halves(mask[1:2], torch.tensor([1]), 5, seed=2)[:, :, 0], split[:, :, 1])
    assert len({tuple(row) for row in split[:, 0, 0].tolist()}) > 1


def test_a_table_gives_all_its_rows():
    import pandas as pd

    rows = pd.DataFrame(
        {"shop": ["a", "b", "b"], "price": [1.0, 2.0, 4.0], "sold": [3.0, 4.0, 5.0]}
    )
    batch, identity, names = rows_of(qs.tasks.Table(rows, task="shop", target="sold").whole())
    assert (
        batch.mask.sum(1).tolist() == [1, 2] and identity.tolist() == [0, 1] and names == ("a", "b")
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda tasks: relate(line(), tasks, "distance"),
            "`measure` should be one of gradient, fisher, affinity, posterior. Found 'distance'",
        ),
        (
            lambda tasks: relate(line(), tasks, splits=0),
            "`splits` should be at least 1. Found splits=0",
        ),
        (
            lambda tasks: relate(line(), tasks, most_groups=0),
            "`most_groups` should be at least 1. Found most_groups=0",
        ),
        (lambda tasks: relate(line(), tasks[:1]), "at least 2 tasks. Found 1"),
        (lambda tasks: relate(line(), tasks, "posterior"), "should be a LinearPrior. Found Linear"),
        (
            lambda tasks: relate(qs.ProtoNet(qs.models.MLP(3, None)), tasks),
            "whose network gives scores. Found ProtoNet",
        ),
        (lambda tasks: relate(nn.Identity(), tasks), "a parameter with requires_grad=True"),
        (
            lambda tasks: relate(nn.Linear(3, 2, dtype=DOUBLE), tasks),
            "Predictions should have the shape",
        ),
        (
            lambda tasks: relate(
                qs.MAML(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), 0.1), tasks
            ),
            "should not normalise by the rows of a batch",
        ),
        (
            lambda tasks: affinity(line(), tasks, tasks.mask, tasks.mask, lr=0.0),
            "`lr` should be positive. Found lr=0.0",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(qs.UserError, match=message):
        make(noisy())
