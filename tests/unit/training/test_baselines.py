"""The plain baselines give what they are defined to give."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

import quickstudy as qs
from quickstudy.training.baselines import Guess, NearestNeighbour, baselines_for, untrained
from tests.unit.training.small import (
    Own,
    bits,
    blobs,
    images,
    proto,
    same_bits,
    sine_learner,
    sines,
)


def test_nearest_neighbour_is_that_of_scikit_learn():
    source = images().episodes(way=4, shot=2, query=5)
    learner = NearestNeighbour()
    for episode in (source.sample(1, qs.Moment(0, "task", i)) for i in range(5)):
        support, query = (
            (part.x.flatten(2)[0].numpy(), part.y[0].numpy())
            for part in (episode.support, episode.query)
        )
        expected = KNeighborsClassifier(1).fit(*support).predict(query[0])
        found = learner.predict(learner.adapt(episode.support), episode.query.x).argmax(-1)[0]
        assert found.tolist() == expected.tolist()
        assert learner.losses(episode).item() == pytest.approx(np.mean(expected != query[1]))


def test_nearest_neighbour_does_not_see_padding():
    x, y = torch.tensor([[[0.0], [5.0], [1.0]]]), torch.tensor([[0, 1, 1]])
    for mask, label in ((torch.ones(1, 3), 1), (torch.tensor([[1.0, 1.0, 0.0]]), 0)):
        learner = NearestNeighbour()
        adapted = learner.adapt(qs.Batch(x, y, mask))
        assert learner.predict(adapted, torch.tensor([[[1.2]]])).argmax().item() == label


def test_the_mean_of_the_support_set():
    episode = sines().sample(3, qs.Moment(0, "task"))
    learner = Guess()
    found = learner.predict(learner.adapt(episode.support), episode.query.x)
    assert torch.allclose(found, episode.support.y.mean(1, keepdim=True).expand_as(found))
    padded = qs.Batch(episode.support.x, episode.support.y, torch.tensor([[1.0, 1, 0, 0, 0]] * 3))
    assert torch.allclose(learner.adapt(padded)["guess"], episode.support.y[:, :2].mean(1))


@pytest.mark.parametrize("make", [sine_learner, proto, lambda: qs.MAML(Own())])
def test_the_untrained_is_another_network_and_the_trained_stays(make):
    learner = make()
    before = bits(learner)
    first, second = untrained(learner, 0), untrained(learner, 0)
    assert same_bits(bits(first), bits(second)) and not same_bits(bits(first), before)
    assert same_bits(bits(learner), before)


@pytest.mark.parametrize(
    ("make", "source", "names"),
    [
        (sine_learner, sines, ["support mean", "untrained", "from scratch"]),
        (
            lambda: qs.MAML(qs.models.MLP(4, 3)),
            lambda: blobs().episodes(3, 1, 5),
            ["nearest neighbour", "untrained", "from scratch"],
        ),
        (
            lambda: qs.ProtoNet(qs.models.Conv4(None, channels=2)),
            lambda: images().episodes(3, 1, 2),
            ["nearest neighbour", "untrained", "from scratch"],
        ),
        (
            lambda: qs.ProtoNet(torch.nn.Identity()),
            lambda: blobs().episodes(3, 1, 5),
            ["nearest neighbour", "untrained"],
        ),
    ],
)
def test_every_kind_of_task_has_its_baselines(make, source, names):
    learner = make()
    assert list(baselines_for(learner, source().target, 0)) == names
    found = qs.evaluate(learner, source(), 2)
    assert list(found.baselines) == names
    assert all(
        estimate.num_tasks == 2 and estimate.mean >= 0 for estimate in found.baselines.values()
    )
    assert all(name in str(found) for name in names)


def test_nearest_neighbour_is_exact_on_separate_classes_and_chance_on_noise():
    apart = qs.tasks.Arrays(torch.eye(6).repeat_interleave(8, 0), np.arange(6).repeat(8)).episodes(
        5, 1, 4
    )
    assert qs.evaluate(NearestNeighbour(), apart, 20, baselines=False).mean == 1
    noise = qs.evaluate(NearestNeighbour(), images().episodes(5, 1, 4), 100, baselines=False)
    assert abs(noise.mean - 0.2) < 2 * noise.ci95
