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
    proto,
    same_bits,
    sine_learner,
    sines,
)


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
