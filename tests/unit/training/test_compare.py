"""compare: the paired difference over the same tasks."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import quickstudy as qs
from tests.unit.training.small import blobs, proto, sine_learner, sines


def evaluation(**options) -> qs.Evaluation:
    return qs.evaluate(
        proto(), blobs().episodes(3, 1, 5), **{"num_tasks": 40, "baselines": False} | options
    )


def test_the_paired_difference():
    a, b = (
        evaluation(),
        qs.evaluate(
            qs.ProtoNet(qs.models.MLP(4, None, hidden=(2,))),
            blobs().episodes(3, 1, 5),
            40,
            baselines=False,
        ),
    )
    found = qs.compare(a, b)
    difference = np.array(a.per_task) - np.array(b.per_task)
    assert found.difference.mean == pytest.approx(difference.mean(), abs=1e-7)
    assert found.difference.ci95 == pytest.approx(
        1.96 * difference.std(ddof=1) / math.sqrt(40), rel=1e-5
    )
    assert found.significant == (abs(found.difference.mean) > found.difference.ci95)
    assert (found.a, found.b) == (a.estimate, b.estimate)
    assert qs.compare(b, a).difference.mean == pytest.approx(-found.difference.mean)


def test_pairing_takes_the_difficulty_of_tasks_out():
    a = evaluation()
    random = np.random.default_rng(0)
    worse = [value - 0.05 + 0.02 * random.normal() for value in a.per_task]
    b = replace(a, per_task=worse, estimate=qs.Estimate.of(torch.tensor(worse)))
    found = qs.compare(a, b)
    assert found.difference.ci95 < 0.5 * math.hypot(a.ci95, b.ci95)
    assert found.significant and "significant at 5 %" in str(found) and "not" not in str(found)


def test_a_learner_does_not_differ_from_itself():
    found = qs.compare(evaluation(), evaluation())
    assert found.difference.mean == 0 and not found.significant and "not significant" in str(found)


def test_a_single_task_says_nothing():
    found = qs.compare(evaluation(num_tasks=1), evaluation(num_tasks=1))
    assert not found.significant
    assert (
        json.loads(json.dumps(found.to_dict()), parse_constant=pytest.fail)["difference"]["ci95"]
        is None
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda: evaluation(seed=1),
        lambda: evaluation(num_tasks=39),
        lambda: qs.evaluate(proto(), blobs().episodes(4, 1, 5), 40, baselines=False),
        lambda: qs.evaluate(proto(), blobs().split("test").episodes(3, 1, 5), 40, baselines=False),
        lambda: qs.evaluate(sine_learner(), sines(), 40, baselines=False),
    ],
)
def test_other_tasks_are_refused(other):
    with pytest.raises(qs.UserError, match="evaluated on the same tasks"):
        qs.compare(evaluation(), other())
