"""The mean of a metric over tasks, and its interval."""

import math

import numpy as np
import pytest
import torch

import quickstudy as qs
from quickstudy.training.estimate import plain


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


def test_one_task_has_no_interval():
    estimate = qs.Estimate.of(torch.tensor([0.25]))
    assert estimate.mean == 0.25 and math.isnan(estimate.ci95)
    assert estimate.text("accuracy") == "25.00 %"


def test_numbers_that_json_does_not_have_become_none():
    values = {"a": [1.5, math.nan], "b": (math.inf, "x"), "c": {"d": -math.inf, "e": 3}}
    assert plain(values) == {"a": [1.5, None], "b": [None, "x"], "c": {"d": None, "e": 3}}
