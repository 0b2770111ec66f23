"""Shifts of the posterior against linear algebra."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.relatedness import posterior_shift
from quickstudy.relatedness.halves import halves
from quickstudy.relatedness.posterior import posterior_cosine
from tests.unit.relatedness.linear import DOUBLE, ROWS, line, noisy


def prior() -> qs.LinearPrior:
    learner = qs.LinearPrior(nn.Identity(), embedding_size=3, noise_scale=0.7).to(DOUBLE)
    factor = torch.randn(4, 4, generator=qs.generator(0, "factor"), dtype=DOUBLE)
    with torch.no_grad():
        learner.factor[0] = torch.tril(factor)
        learner.mean[0] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    return learner


def test_shifts_in_closed_form():
    """``L⁻¹ (Σ⁻¹ + XᵀX/σ²)⁻¹ Xᵀ(y − X μ)/σ²``."""
    learner, batch, rows = prior(), noisy(), ROWS[1]
    x = torch.cat([batch.x[1, :rows], torch.ones(rows, 1, dtype=DOUBLE)], -1)
    residual = batch.y[1, :rows, 0] - x @ learner.mean[0]
    factor = learner.factor[0]
    precision = torch.linalg.inv(factor @ factor.T) + x.T @ x / 0.49
    shift = torch.linalg.solve(precision, x.T @ residual / 0.49)
    found = posterior_shift(learner, batch, batch.mask)
    assert torch.allclose(found[1], torch.linalg.solve(factor, shift).detach())


def test_a_task_without_rows_is_not_shifted():
    batch = noisy()
    assert posterior_shift(prior(), batch, torch.zeros_like(batch.mask)).abs().max() < 1e-12


def test_the_measure_multiplies_the_shifts_of_each_half():
    learner, batch = prior(), noisy()
    split = halves(batch.mask, torch.arange(4), 2)
    first, second = (posterior_shift(learner, batch, split[1, half]) for half in (0, 1))
    assert torch.allclose(posterior_cosine(learner, batch, split)[1, 0, 1], first @ second.T)


def test_another_probe_is_refused():
    batch = noisy()
    with pytest.raises(qs.UserError, match=r"should be a LinearPrior\. Found Linear"):
        posterior_shift(line(), batch, batch.mask)
