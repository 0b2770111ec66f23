"""Learners of a fixed set of tasks, with a weight for each."""

import pytest
import torch

import quickstudy as qs
from quickstudy import Batch, Episode
from tests.unit.learners.slope import QUERY, RATE, SUPPORT, close_to, slope


def learner() -> qs.SoftSharing:
    """Tasks 0 and 1 have the weights 1.5 and 0."""
    made = qs.SoftSharing(slope(), 2, 0.4, inner_lr=RATE, test_steps=2, inner_optimiser="sgd")
    made.double()
    with torch.no_grad():
        made.part.offsets[0].copy_(torch.tensor([0.5, -1.0]).reshape(2, 1, 1))
    return made


def both(batch: Batch) -> Batch:
    return batch.each(lambda values: torch.cat([values, values]))


def test_a_loss_is_the_query_loss_at_the_tasks_weight_and_its_penalty():
    episode = Episode(both(SUPPORT), both(QUERY), torch.tensor([1, 0]), qs.Moment(0, "test"))
    assert learner().losses(episode).tolist() == pytest.approx([9 + 0.2, 2.25 + 0.05])


def test_a_training_task_keeps_its_weight_and_a_new_one_starts_from_the_shared():
    sharing = learner()
    known = sharing.known(both(SUPPORT), torch.tensor([0, 1]))
    assert known["weight"].flatten().tolist() == [1.5, 0]
    close_to(sharing.adapt(SUPPORT)["weight"], 2.5)


def test_a_new_task_is_not_known():
    with pytest.raises(qs.UserError, match=r"identities 0 to 1. Found 2: a new task"):
        learner().known(SUPPORT, torch.tensor([2]))
