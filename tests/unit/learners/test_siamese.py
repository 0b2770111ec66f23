"""Siamese networks by their definition."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch, Episode
from tests.laws.battery import close
from tests.unit.learners.points import NEW, X, Y, scores_of


def logits_of_pairs(learner: qs.Siamese, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """By the definition, the normalisation being that of no averages yet: mean 0, variance 1."""
    weight = 4 / 3**0.5
    return (
        0.8 * 3 * weight
        - weight * (a.unsqueeze(1) - b).abs().sum(-1) / (1 + learner.norm.eps) ** 0.5
    )


def test_siamese_scores_a_class_by_its_best_pair_and_verifies_pairs():
    learner = qs.Siamese(nn.Identity(), embedding_size=3).double().eval()
    logits = logits_of_pairs(learner, NEW, X)
    close(scores_of(learner), torch.stack([logits[:, c == Y].amax(1) for c in range(4)], 1), 1e-6)
    close(learner.verify(NEW, X[:7]), logits[range(7), range(7)].sigmoid(), 1e-6)


def test_the_siamese_loss_takes_the_odds_of_its_pairs_into_account():
    learner = qs.Siamese(nn.Identity(), embedding_size=3).double().eval()
    logits = logits_of_pairs(learner, NEW[:1], X)[0]
    same = Y == 2
    adjusted = logits - ((~same).sum() / same.sum()).log()
    expected = (
        -nn.functional.logsigmoid(adjusted[same]).sum()
        - nn.functional.logsigmoid(-adjusted[~same]).sum()
    )
    episode = Episode(Batch.of(X, Y), Batch.of(NEW[:1], torch.tensor([2])), torch.zeros(1))
    close(learner.losses(episode)[0].detach(), expected, 1e-6)
