"""The Fisher diagonal in closed form, at the task's own head, and its embedding."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy.relatedness import fisher_diagonal, fisher_embedding
from quickstudy.relatedness.fisher import fisher_cosine
from quickstudy.relatedness.halves import halves
from tests.unit.relatedness.linear import DOUBLE, ROWS, THETA, line, noisy


def sharing(**options) -> qs.HardSharing:
    return qs.HardSharing(qs.models.MLP(3, 1, hidden=(4,)).to(DOUBLE), 1, inner_lr=0.1, **options)


def test_the_diagonal_of_linear_regression():
    """With residual ``r``, a row's gradient is ``2 r x``, so the diagonal is ``4 mean r² x²``."""
    batch = noisy()
    residual = (batch.x @ THETA).unsqueeze(-1) - batch.y
    squares = 4 * residual.square() * batch.x.square() * batch.mask.unsqueeze(-1)
    expected = squares.sum(1) / batch.mask.sum(1, keepdim=True)
    assert torch.allclose(fisher_diagonal(line(), batch, batch.mask), expected)


def test_the_diagonal_of_a_body_is_taken_at_the_tasks_own_head():
    learner, batch = sharing(test_steps=5), noisy()[:2]
    found, heads = fisher_diagonal(learner, batch, batch.mask), learner.adapt(batch)
    parameters = dict(learner.model.named_parameters())
    body = [name for name in parameters if name not in heads]
    weights = parameters | {name: value[1] for name, value in heads.items()}
    total = 0
    for x, y in zip(batch.x[1, : ROWS[1]], batch.y[1, : ROWS[1]], strict=True):
        scores = torch.func.functional_call(learner.model, weights, (x.unsqueeze(0),))
        loss = (scores - y).square().sum()
        slopes = torch.autograd.grad(loss, [parameters[name] for name in body])
        total += torch.cat([slope.flatten() for slope in slopes]).square()
    assert torch.allclose(found[1], total / ROWS[1]) and found.shape == (2, 16)


def test_without_steps_there_is_no_head_of_its_own():
    batch, learner = noisy(), sharing(test_steps=0)
    found = fisher_diagonal(learner, batch, batch.mask)
    assert torch.allclose(found, fisher_diagonal(learner.model, batch, batch.mask))


def test_a_learner_that_adapts_everything_is_taken_as_it_is():
    batch, model = noisy(), qs.models.MLP(3, 1, hidden=(4,)).to(DOUBLE)
    found = fisher_diagonal(qs.MAML(model, 0.1), batch, batch.mask)
    assert torch.allclose(found, fisher_diagonal(model, batch, batch.mask))


def test_several_sets_of_rows_are_each_taken_by_themselves():
    batch, learner = noisy(), sharing(test_steps=2)
    split = halves(batch.mask, torch.arange(4), 2)
    found = fisher_diagonal(learner, batch, split)
    assert found.shape == (2, 2, 4, 16)
    assert torch.allclose(found[1, 0], fisher_diagonal(learner, batch, split[1, 0]))


def test_the_embedding_is_the_share_of_each_parameter_beside_its_mean():
    """Two tasks that need one of two parameters each: shares (1, 0) and (0, 1), mean (½, ½)."""
    x = torch.eye(2).unsqueeze(1)
    batch = qs.Batch(x, torch.tensor([[[3.0]], [[5.0]]]), torch.ones(2, 1))
    plane = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(plane.weight)
    found = fisher_embedding(plane, batch, batch.mask)
    assert torch.allclose(found, torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
    none = fisher_embedding(plane, batch, torch.tensor([[1.0], [0.0]]))
    assert torch.allclose(none, torch.zeros(2, 2))


def test_the_measure_multiplies_the_embeddings():
    batch = noisy()
    split = halves(batch.mask, torch.arange(4), 1)
    vectors = fisher_embedding(line(), batch, split)[0]
    found = fisher_cosine(line(), batch, split)[0]
    assert torch.allclose(found[0, 1], vectors[0] @ vectors[1].T)
