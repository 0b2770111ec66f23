"""Batch and Episode."""

import numpy as np
import pytest
import torch

from quickstudy.episode import Batch, Episode
from quickstudy.errors import UserError
from quickstudy.random import Moment
from quickstudy.targets import Classes, Numbers


def classes():
    return Batch.of(torch.eye(3), [0, 1, 2])


def test_one_task_of_arrays():
    found = Batch.of(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0], dtype=np.int8))
    assert found.x.shape == (1, 3, 2) and found.x.dtype == torch.get_default_dtype()
    assert found.y.tolist() == [[0, 1, 0]] and found.y.dtype == torch.int64
    assert found.mask.tolist() == [[1, 1, 1]] and found.target == Classes(2)
    assert Batch.of(torch.eye(2), torch.ones(2, 1)).target == Numbers((1,))


@pytest.mark.parametrize("count", [0, 2])
def test_lengths_that_differ_or_are_nothing_are_refused(count):
    with pytest.raises(UserError, match=f"at least one. Found {count} and 0"):
        Batch.of(torch.ones(count, 1), [])


def test_labels_of_another_target_are_refused():
    with pytest.raises(UserError):
        Batch.of(torch.eye(3), torch.ones(3), Classes(2))


@pytest.mark.parametrize(("axis", "shape"), [(0, (2, 3, 3)), (1, (1, 6, 3))])
def test_joined(axis, shape):
    found = Batch.joined([classes(), classes()], axis)
    assert found.x.shape == shape and found.y.shape == found.mask.shape == shape[:2]
    assert torch.equal(found.x, torch.cat([torch.eye(3)[None]] * 2, axis))


def test_the_mask_is_none_if_every_example_is_real():
    batch = classes()
    assert batch.mask_or_none() is None
    padded = Batch(batch.x, batch.y, torch.tensor([[1.0, 1.0, 0.0]]), batch.target)
    assert padded.mask_or_none() is padded.mask


def test_an_episode_keeps_its_moment_and_its_tasks_together():
    two = Batch.joined([classes(), classes()])
    moment = Moment(1, "train", 2)
    episode = Episode(two, two, torch.tensor([7, 8])).at(moment)
    part = episode[1:].to("cpu")
    assert (part.num_tasks, part.task.tolist(), part.moment) == (1, [8], moment)
