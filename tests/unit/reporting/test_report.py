"""A run's page from its folder alone, whoever trained it."""

import numpy as np
import pytest

import quickstudy as qs
from tests.unit.training.small import sine_learner, sines


def test_a_run_trained_in_python_is_reported(tmp_path):
    qs.train(sine_learner(), sines(), 2, out=tmp_path, progress=False)
    page = qs.report(tmp_path, num_tasks=3, baselines="none")
    assert page == tmp_path / "report.html" and "<html" in page.read_text("utf-8")


def test_tasks_of_ones_own(tmp_path):
    learner = qs.ProtoNet(qs.models.MLP(2, None, hidden=(3,)))
    x, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 5
    tasks = qs.tasks.Arrays(x, y).episodes(3, 1, 2)
    qs.train(learner, tasks, 1, out=tmp_path, progress=False)
    with pytest.raises(qs.UserError, match="does not say what data it learned from"):
        qs.report(tmp_path)
    assert qs.report(tmp_path, tasks, num_tasks=3, baselines="none").exists()
