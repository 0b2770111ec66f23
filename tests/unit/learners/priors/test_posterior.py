"""The posterior of weights in whitened units, and the start of a prior: closed forms."""

import torch
from torch import nn

from quickstudy.learners.priors.posterior import (
    posterior,
    posterior_factor,
    reset_prior,
    with_one,
)


def test_a_prior_starts_around_0_alike_in_all_directions():
    mean, factor = nn.Parameter(torch.ones(2, 3)), nn.Parameter(torch.ones(2, 3, 3))
    reset_prior(mean, factor, 0.5)
    assert not mean.any()
    torch.testing.assert_close(factor.detach(), 0.5 * torch.eye(3).expand(2, 3, 3))


def test_the_intercept_is_a_last_column_of_ones():
    assert with_one(torch.tensor([[3.0], [4.0]])).tolist() == [[3.0, 1.0], [4.0, 1.0]]


def test_the_factor_is_that_of_the_prior_shrunk_by_the_rows():
    prior = torch.tensor([[[2.0, 0.0], [1.0, 3.0]]])
    root = torch.tensor([[[[2.0, 0.0], [0.5, 4.0]]]])
    factor = posterior_factor(prior, root)
    expected = prior @ torch.linalg.inv(root @ root.mT) @ prior.mT
    torch.testing.assert_close(factor @ factor.mT, expected)


def test_the_mean_moves_away_in_units_of_the_prior():
    prior, root = torch.tensor([[[2.0]]]), torch.tensor([[[[4.0]]]])
    found = posterior(torch.tensor([[1.0]]), prior, torch.tensor([[[[3.0]]]]), root)
    assert found["mean"].tolist() == [[[7.0]]]
    assert found["factor"].tolist() == [[[[0.5]]]]
