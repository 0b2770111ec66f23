"""A picture asks the learner about the task of its seed."""

import torch

from quickstudy.reporting.asked import drawn_task, scores_of
from quickstudy.training.baselines import NearestNeighbour
from tests.unit.reporting.small import pool


def test_a_seed_always_draws_the_same_task():
    source = pool().episodes(3, 1, 2)
    first, again, other = (drawn_task(source, seed) for seed in (4, 4, 5))
    assert torch.equal(first.query.x, again.query.x)
    assert not torch.equal(first.query.x, other.query.x)
    assert first.query.num_tasks == 1


def test_scores_are_the_predictions():
    learner, episode = NearestNeighbour(), drawn_task(pool().episodes(3, 1, 2), 0)
    expected = learner.predict(learner.adapt(episode.support), episode.query.x)
    assert torch.equal(scores_of(learner, episode), expected)
