"""Laws of relatedness for every measure, and arguments that are refused."""

from dataclasses import fields

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.relatedness import MEASURES, relate
from tests.unit.relatedness.linear import DOUBLE, line, noisy
from tests.unit.relatedness.planted import planted, probe


@pytest.fixture(params=MEASURES)
def measured(request):
    """A measure, its probe, six tasks and their relatedness."""
    tasks, _ = planted(0, rows=12, each=2)
    learner = probe(request.param, tasks)
    return request.param, learner, tasks, relate(learner, tasks, request.param, splits=2)


def test_similarities_are_symmetric_and_at_most_one(measured):
    name, _, _, found = measured
    assert torch.equal(found.similarity, found.similarity.T)
    assert torch.equal(found.similarity.diagonal(), torch.ones(6))
    assert float(found.similarity.abs().max()) <= 1
    assert found.names == tuple("012345") and found.measure == name
    assert 0 <= found.reliability <= 1 and found.tree.shape == (5, 4)


def test_permuted_tasks_permute_the_similarities(measured):
    name, learner, tasks, found = measured
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    permuted = relate(learner, tasks[order], name, splits=2)
    assert torch.allclose(permuted.similarity, found.similarity[order][:, order], atol=2e-4)


def test_padding_changes_nothing(measured):
    name, learner, tasks, found = measured
    pad = qs.Batch(torch.full((6, 3, 6), 9.0), torch.full((6, 3, 1), 9.0), torch.zeros(6, 3))
    padded = qs.Batch.joined([tasks.query, pad], axis=1)
    same = relate(learner, qs.Episode(tasks.support, padded, tasks.task), name, splits=2)
    assert torch.allclose(same.similarity, found.similarity, atol=2e-4)


def test_the_probe_is_not_changed(measured):
    name, learner, tasks, _ = measured
    learner.train()
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    relate(learner, tasks, name, splits=2)
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert learner.training


def test_a_measure_may_be_a_function():
    """One whose inner products are known: two pairs of equal vectors, orthogonal to each other."""
    vectors = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])

    def planted_pairs(learner, batch, halves):
        return (vectors @ vectors.T).expand(len(halves), 2, 2, 4, 4)

    found = relate(line(), noisy(), planted_pairs, splits=3)
    assert torch.equal(found.similarity, vectors @ vectors.T)
    assert torch.equal(found.seen, found.similarity) and found.reliability == 1
    assert found.measure == "planted_pairs"
    assert found.num_groups == 2 and set(found.members(0)) in ({"0", "1"}, {"2", "3"})


def test_the_seed_is_that_of_the_halves():
    first, same, other = (relate(line(), noisy(), splits=2, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.seen, same.seen) and not torch.equal(first.seen, other.seen)


def test_classes_are_served():
    """Two tasks that call class 0 what the two others call class 1."""
    x = torch.randn(4, 40, 2, generator=qs.generator(0, "classes"))
    y = (x[..., 0] > 0).long()
    y[2:] = 1 - y[2:]
    batch = qs.Batch(x, y, torch.ones(4, 40))
    similarity = relate(qs.models.MLP(2, 2, hidden=(8,)), batch, splits=3).similarity
    assert float(similarity[0, 1]) > 0.8 and float(similarity[2, 3]) > 0.8
    assert float(similarity[:2, 2:].max()) < 0


def test_results_have_the_default_dtype():
    found = relate(line(), noisy(), splits=2)
    tensors = [getattr(found, field.name) for field in fields(found)]
    dtypes = {value.dtype for value in tensors if isinstance(value, torch.Tensor)}
    assert dtypes == {torch.float32, torch.int64}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"measure": "distance"},
            "`measure` should be one of gradient, fisher, affinity, posterior. Found 'distance'",
        ),
        ({"splits": 0}, "`splits` should be at least 1. Found splits=0"),
        ({"most_groups": 0}, "`most_groups` should be at least 1. Found most_groups=0"),
        ({"tasks": noisy()[:1]}, "at least 2 tasks. Found 1"),
        ({"measure": "posterior"}, "should be a LinearPrior. Found Linear"),
        ({"learner": nn.Linear(3, 2, dtype=DOUBLE)}, "Predictions should have the shape"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(qs.UserError, match=message):
        relate(**{"learner": line(), "tasks": noisy()} | options)
