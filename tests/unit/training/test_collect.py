"""The one place where training and evaluation get their episodes."""

import torch
from torch import nn

import quickstudy as qs
from quickstudy.random import Moment
from quickstudy.training.collect import collect, learner_device
from tests.unit.training.small import sine_learner, sines


def test_it_is_what_the_source_draws_at_the_moment():
    moment = Moment(3, "train", 7)
    found = collect(sines(), sine_learner(), 2, moment)
    expected = sines().sample(2, moment)
    assert torch.equal(found.support.x, expected.support.x)
    assert torch.equal(found.query.y, expected.query.y)
    assert found.moment == moment


def test_the_moment_is_set_even_if_the_source_forgets_it():
    class Forgets(qs.tasks.TaskSource):
        target = sines().target

        def sample(self, num_tasks, moment):
            return sines().sample(num_tasks, moment).at(Moment(0, "another"))

        def describe(self):
            return {}

    moment = Moment(3, "train", 7)
    assert collect(Forgets(), sine_learner(), 2, moment).moment == moment


def test_tasks_go_to_the_learners_device():
    assert collect(sines(), nn.Linear(1, 1, device="meta"), 1, Moment()).task.device.type == "meta"
    assert learner_device(nn.Identity()) == torch.device("cpu")
