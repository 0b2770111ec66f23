"""evaluate: frozen tasks, the estimate, and that nothing is disturbed."""

import json
import math

import numpy as np
import pytest
import torch

import quickstudy as qs
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
    assert max(batch.num_tasks * 50 for batch in batches) <= 1600


def test_two_learners_see_the_same_tasks():
    seen = []

    class Watching(qs.ProtoNet):
        def trajectory(self, support, steps):
            seen[-1].append(support.x.clone())
            return super().trajectory(support, steps)

    for hidden in (4, 6):
        seen.append([])
        qs.evaluate(
            Watching(qs.models.MLP(4, None, hidden=(hidden,))),
            blobs().episodes(3, 1, 5),
            5,
            baselines=False,
        )
    assert len(seen[0]) == len(seen[1]) > 0
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda: qs.ProtoNet(Own()),
        lambda: qs.MAML(Own()),
        lambda: qs.MAML(Own(), statistics="transductive"),
    ],
)
def test_the_learner_stays_as_it_is(make, training):
    learner = make().train(training)
    modes = [module.training for module in learner.modules()]
    before, rng = bits(learner), torch.get_rng_state()
    found = qs.evaluate(learner, blobs().episodes(3, 2, 4), 6)
    assert same_bits(bits(learner), before)
    assert [module.training for module in learner.modules()] == modes
    assert all(parameter.grad is None for parameter in learner.parameters())
    assert torch.equal(torch.get_rng_state(), rng)
    assert found.per_task == qs.evaluate(learner, blobs().episodes(3, 2, 4), 6).per_task
    assert found.transductive == learner.transductive


def test_the_estimate_is_that_of_numpy():
    values = qs.generator(0, "values")
    values = torch.rand(50, generator=values)
    estimate = qs.Estimate.of(values)
    array = values.double().numpy()
    assert estimate.mean == pytest.approx(np.mean(array), rel=1e-12)
    assert estimate.ci95 == pytest.approx(1.96 * np.std(array, ddof=1) / math.sqrt(50), rel=1e-12)
    assert (estimate.num_tasks, estimate.num_diverged) == (50, 0)
    assert qs.Estimate(0.987, 0.002, 9).text("accuracy") == "98.70 ± 0.20 %"
    assert (
        qs.Estimate(0.67, 0.05, 9, 2).text("mean_squared_error")
        == "0.670 ± 0.050 (2 of 9 tasks diverged)"
    )


def test_tasks_that_diverged_are_counted_and_not_in_the_mean():
    estimate = qs.Estimate.of(torch.tensor([1.0, math.nan, 3.0, math.inf]))
    assert (estimate.mean, estimate.num_tasks, estimate.num_diverged) == (2.0, 4, 2)
    query = qs.Batch(torch.zeros(2, 2, 1), torch.tensor([[0, 1], [0, 1]]), torch.ones(2, 2))
    scores = torch.tensor([[[1.0, 0], [1, 0]], [[1, 0], [math.nan, 0]]])
    values = query.target.values(scores, query.y, query.mask)["accuracy"]
    assert values[0] == 0.5 and values[1].isnan()


@pytest.mark.parametrize(
    ("source", "model"), [(sines, (1, 1)), (lambda: blobs().episodes(3, 2, 5), (4, 3))]
)
def test_a_learner_that_diverges(source, model):
    learner = qs.MAML(qs.models.MLP(*model), inner_lr=1e30, inner_steps=3)
    found = qs.evaluate(learner, source(), 5, baselines=False)
    assert found.estimate.num_diverged == 5 and math.isnan(found.mean)
    strict = json.loads(json.dumps(found.to_dict()), parse_constant=pytest.fail)
    assert strict["mean"] is None and strict["num_diverged"] == 5
    assert "5 of 5 tasks diverged" in str(found)


def test_the_curve_over_inner_steps():
    found = qs.evaluate(sine_learner(inner_steps=2, test_steps=7), sines(), 10, baselines=False)
    assert list(found.per_step) == [0, 1, 2, 3, 4, 5, 7]
    assert found.per_step[7] == found.estimate and found.mean == pytest.approx(
        np.mean(found.per_task)
    )
    three = qs.evaluate(
        sine_learner(inner_steps=2, test_steps=7), sines(), 10, steps=3, baselines=False
    )
    assert three.per_step[3].mean == pytest.approx(found.per_step[3].mean, rel=1e-6)
    assert list(qs.evaluate(proto(), blobs().episodes(3, 1, 5), 2, baselines=False).per_step) == [0]


def test_what_cannot_be_evaluated():
    source = blobs().episodes(5, 1, 5)
    with pytest.raises(qs.UserError, match=r"`num_tasks` should be at least 1\. Found num_tasks=0"):
        qs.evaluate(proto(), source, 0)
    with pytest.raises(qs.UserError, match=r"`steps` should be at least 0\. Found steps=-1"):
        qs.evaluate(sine_learner(), sines(), 2, steps=-1)
    for learner in (qs.MAML(qs.models.MLP(4, 3)), qs.Reptile(qs.models.Conv4(3))):
        with pytest.raises(
            qs.UserError, match=r"`way` should be at most .* Found way=5, 3 outputs"
        ):
            qs.evaluate(learner, source, 2)
    # an embedding of three numbers serves any way
    qs.evaluate(qs.ProtoNet(qs.models.MLP(4, 3)), source, 2, baselines=False)


def test_plain_values_for_json():
    found = qs.evaluate(proto(), blobs().episodes(3, 2, 5), 5, seed=4)
    plain = json.loads(json.dumps(found.to_dict()), parse_constant=pytest.fail)
    expected = {
        "metric",
        "mean",
        "ci95",
        "num_tasks",
        "way",
        "shot",
        "seed",
        "transductive",
        "baselines",
        "per_step",
    }
    assert expected <= plain.keys()
    assert (plain["metric"], plain["way"], plain["shot"], plain["seed"], plain["num_tasks"]) == (
        "accuracy",
        3,
        2,
        4,
        5,
    )
    assert plain["mean"] == found.mean and plain["per_step"][-1]["mean"] == found.mean
    assert plain["baselines"]["nearest neighbour"].keys() == {
        "mean",
        "ci95",
        "num_tasks",
        "num_diverged",
    }
    one = json.loads(
        json.dumps(qs.evaluate(proto(), blobs().episodes(3, 2, 5), 1).to_dict()),
        parse_constant=pytest.fail,
    )
    assert one["ci95"] is None
