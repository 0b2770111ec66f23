"""Metrics: every value that a target gives is one that can be told."""

import pytest
import torch

import quickstudy as qs
from quickstudy.targets import METRICS, TARGETS, Metric, metric_of


def test_the_first_value_of_every_target_decides_and_is_described():
    for kind in TARGETS.values():
        assert kind.metric in METRICS
        assert kind().higher_is_better == METRICS[kind.metric].higher_is_better
        assert METRICS[kind.metric].sentence.count("{}") == 1


def test_an_unknown_metric_is_a_plain_number():
    assert metric_of("regret") == Metric(sentence="predicts further examples with a regret of {}")
    assert not metric_of("regret").higher_is_better


@pytest.mark.parametrize(("metric", "told"), [("mean_iou", "50.00 %"), ("loss", "0.500")])
def test_estimates_are_told_in_the_unit_of_their_metric(metric, told):
    assert qs.Estimate.of(torch.tensor([0.5])).text(metric) == told
