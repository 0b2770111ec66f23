"""Gradients of tasks in closed form, and the rows they are averaged over."""

import torch

import quickstudy as qs
from quickstudy.relatedness import cosines, mean_gradients
from quickstudy.relatedness.gradients import gradient_cosine, inner_products
from quickstudy.relatedness.halves import halves
from tests.unit.relatedness.linear import DOUBLE, THETA, WEIGHTS, line, noisy, quadratics


def test_gradients_of_linear_tasks():
    """``∇‖θ − w_t‖² = 2 (θ − w_t)``."""
    batch = quadratics()
    gradients = mean_gradients(line(), batch, batch.mask)
    away = THETA - WEIGHTS
    assert torch.allclose(gradients, 2 * away)
    found = cosines(inner_products(gradients.expand(1, 2, 4, 3)))[0, 0, 0]
    expected = torch.cosine_similarity(away.unsqueeze(0), away.unsqueeze(1), dim=-1)
    assert torch.allclose(found, expected)


def test_only_the_chosen_rows_are_averaged():
    batch, learner = noisy(), qs.MAML(qs.models.MLP(3, 1, hidden=(4,)).to(DOUBLE), inner_lr=0.1)
    rows = batch.mask.clone()
    rows[0, 4:] = 0
    loss = (learner.model(batch.x[0, :4]) - batch.y[0, :4]).square().mean()
    expected = torch.autograd.grad(loss, list(learner.model.parameters()))
    found = mean_gradients(learner, batch, rows)[0]
    assert torch.allclose(found, torch.cat([part.flatten() for part in expected]))


def test_a_task_without_rows_has_gradient_zero():
    batch = noisy()
    assert not mean_gradients(line(), batch, torch.zeros_like(batch.mask)).any()


def test_powers_are_taken_row_by_row():
    """The mean of the squares of two rows' gradients ``−2 r x``, not the square of their mean."""
    batch = qs.Batch.of(torch.tensor([[1.0], [1.0]]), torch.tensor([[1.0], [3.0]]))
    still = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(still.weight)
    assert mean_gradients(still, batch, batch.mask, power=2).item() == (2**2 + 6**2) / 2


def test_inner_products_of_halves():
    vectors = torch.arange(12.0).reshape(1, 2, 2, 3)
    found = inner_products(vectors)
    for half, other, s, t in [(0, 0, 0, 1), (0, 1, 1, 0), (1, 1, 1, 1)]:
        assert found[0, half, other, s, t] == vectors[0, half, s] @ vectors[0, other, t]


def test_the_measure_takes_a_gradient_from_each_half():
    batch = noisy()
    split = halves(batch.mask, torch.arange(4), 2)
    found = gradient_cosine(line(), batch, split)
    first = mean_gradients(line(), batch, split[1, 0])
    second = mean_gradients(line(), batch, split[1, 1])
    assert torch.allclose(found[1, 0, 1], first @ second.T)
