"""The options of evaluate, compare and report."""

import pytest
import torch

import quickstudy as qs
from quickstudy.cli.judging import Judging, opened_run, tasks_of
from quickstudy.errors import UserError
from tests.unit.training.small import sine_learner, sines


@pytest.fixture
def folder(tmp_path):
    qs.train(sine_learner(), sines(), 1, 2, tmp_path / "run", progress=False)
    return tmp_path / "run"


def test_tasks_are_as_in_training_but_for_what_is_asked(folder):
    run = opened_run(folder, Judging())
    described = tasks_of(run, Judging()).describe()
    assert described["shot"] == 5
    assert tasks_of(run, Judging(shot=3)).describe() == {**described, "shot": 3}


def test_statistics(folder):
    learner = opened_run(folder, Judging(statistics="transductive")).learner
    assert (learner.statistics, learner.transductive) == ("transductive", True)


def test_options_of_another_learner_are_refused(tmp_path):
    learner = qs.ProtoNet(qs.models.MLP(1, None, hidden=(4,)))
    source = qs.tasks.Arrays(torch.randn(12, 1), torch.arange(12) % 3).episodes(2, 1, 1)
    qs.train(learner, source, 1, 1, tmp_path / "run", progress=False)
    for asked, told in ((Judging(steps=1), "--steps"), (Judging(statistics="support"), "--stat")):
        with pytest.raises(UserError, match=told):
            opened_run(tmp_path / "run", asked)
