"""Fixed tasks: every task once before any is drawn again, and none remembers a step."""

import torch

import quickstudy as qs
from quickstudy.tasks import Arrays


def test_no_task_is_drawn_twice_while_others_are_left():
    x = torch.arange(10.0).reshape(10, 1)
    tasks = Arrays(x, x[:, 0], task=torch.arange(10) // 2).episodes(shot=1, query=1)
    moment = qs.Moment(3, "train", 7)
    drawn = tasks.sample(12, moment)
    assert drawn.task[:5].sort().values.tolist() == drawn.task[5:10].sort().values.tolist()
    assert drawn.task[:5].sort().values.tolist() == [0, 1, 2, 3, 4] and drawn.moment == moment
    assert (drawn.support.x[:, 0, 0].long() // 2).tolist() == drawn.task.tolist()
    assert torch.equal(drawn.task, tasks.sample(12, moment).task)


def test_by_default_a_source_has_nothing_to_keep():
    tasks = qs.tasks.Line().episodes()
    drawn = tasks.sample(2, qs.Moment(0))
    tasks.told(drawn, torch.zeros(2), drawn.moment)
    assert tasks.state() == {}
