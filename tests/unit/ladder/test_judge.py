"""Predictions are judged as by scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss

import quickstudy as qs
from quickstudy.ladder.judge import judge, judge_by_target
from quickstudy.tasks.table_form import TableForm
from tests.unit.ladder.small import frame, mixed


def test_classes_are_judged_as_by_scikit_learn():
    generator = qs.generator(0, "judge")
    predicted = torch.rand(3, 7, 4, generator=generator).softmax(-1)
    predicted[0, 0] = torch.tensor([1.0, 0, 0, 0])
    y, mask = torch.randint(4, (3, 7), generator=generator), torch.ones(3, 7)
    y[0, 0], mask[1, 4:], mask[2] = 2, 0, 0
    found = judge(predicted, qs.Batch(torch.zeros(3, 7, 1), y, mask))
    pairs = [
        (y[task, : int(mask[task].sum())].numpy(), predicted[task, : int(mask[task].sum())].numpy())
        for task in range(2)
    ]
    assert found["log_loss"] == pytest.approx(
        np.mean([log_loss(a, p, labels=range(4)) for a, p in pairs]), rel=1e-4
    )
    assert found["accuracy"] == pytest.approx(
        np.mean([accuracy_score(a, p.argmax(1)) for a, p in pairs])
    )


def test_a_target_that_no_query_has_is_not_judged():
    whole = mixed(frame(6, 8)).whole()
    form = TableForm.of(whole, {"score": (), "passed": ("no", "yes")})
    bare = replace(
        whole, y=torch.stack([whole.y[:, 0], torch.full_like(whole.y[:, 1], torch.nan)], 1)
    )
    predicted = torch.full((6, 8, 3), 0.5)
    both, one = (judge_by_target(predicted, tasks.batch(), form) for tasks in (whole, bare))
    assert list(one) == ["error", "rmse of score"] and one["rmse of score"] == both["rmse of score"]
    assert one["error"] == one["rmse of score"] / form.scale[0]
