"""Frozen tasks, and the values of a learner on them."""

import pytest
import torch

import quickstudy as qs
from quickstudy.training.frozen import EXAMPLES_AT_ONCE, values_by_steps
from tests.unit.training.small import blobs, images, same_bits, sine_learner, sines


def tasks(source, num_tasks=7, seed=0):
    episodes = list(qs.frozen_tasks(source, num_tasks, seed))
    return {
        f"{part}.{name}": torch.cat([getattr(getattr(episode, part), name) for episode in episodes])
        for part in ("support", "query")
        for name in ("x", "y", "mask")
    }


SOURCES = {
    "sines": sines,
    "blobs": lambda: blobs().episodes(3, 1, 5),
    "ranges": lambda: blobs().episodes((2, 5), (1, 3), 4),
}


@pytest.mark.parametrize("name", SOURCES)
def test_frozen_tasks(name):
    source = SOURCES[name]()
    first = tasks(source)
    torch.rand(3)
    assert same_bits(first, tasks(source))
    assert same_bits({key: value[:4] for key, value in first.items()}, tasks(source, 4))
    assert not torch.equal(first["support.x"], tasks(source, seed=1)["support.x"])
    assert not torch.equal(first["support.x"][0], first["support.x"][1])


def test_many_tasks_come_in_several_batches():
    batches = list(qs.frozen_tasks(images().episodes(5, 5, 5), 70, 0))
    assert len(batches) > 1 and sum(batch.num_tasks for batch in batches) == 70
    assert max(batch.num_tasks * 50 for batch in batches) <= EXAMPLES_AT_ONCE


def test_values_are_the_metric_after_each_number_of_steps():
    learner, counts = sine_learner(), []
    values = values_by_steps(learner, sines(), 4, 0, [0, 2], done=counts.append)
    assert values.shape == (2, 4) and sum(counts) == 4
    (episodes,) = qs.frozen_tasks(sines(), 4, 0)
    states = learner.adaptations(episodes.support, [0, 2])
    for row, adapted in zip(values, states, strict=True):
        error = learner.predict(adapted, episodes.query.x) - episodes.query.y
        torch.testing.assert_close(row, error.square().mean((1, 2)))


def test_another_purpose_gives_other_tasks():
    first, second = (next(qs.frozen_tasks(sines(), 2, 0, purpose)) for purpose in ("a", "b"))
    assert not torch.equal(first.support.x, second.support.x)
