"""Weights of a fixed set of tasks, by hand."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import quickstudy as qs
from quickstudy.balance import OuterStep, TaskWeights
from quickstudy.balance.task_weights import AdamByTask, with_sum
from tests.unit.balance.quadratics import Centres, Quadratics

SOURCE = Centres([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0], [0.0, 3.0]])


class Fixed(TaskWeights):
    """Weights that stay."""

    def weigh(self, losses: Tensor, step: OuterStep) -> Tensor:
        return self.weights


def fixed() -> Fixed:
    made = Fixed(4)
    made.weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    return made


def step(tasks: list[int], present: list[bool] | None = None) -> OuterStep:
    return OuterStep(Quadratics([1.0] * 4, [0.0, 0.0]), SOURCE.of(tasks, present))


def test_a_task_is_weighed_by_its_identity():
    assert fixed()(torch.tensor([10.0, 1.0]), step([3, 0])) == (4 * 10 + 1 * 1) / 2


def test_a_task_without_queries_does_not_count():
    assert fixed()(torch.tensor([10.0, 0.0]), step([3, 0], [True, False])) == 40


def test_values_are_averaged_by_identity():
    values, seen = fixed().by_task(torch.tensor([1.0, 5.0, 2.0]), step([3, 1, 3]))
    assert values.tolist() == [0, 5, 0, 1.5]
    assert seen.tolist() == [False, True, False, True]


def test_the_first_step_of_adam_is_its_rate_and_only_for_tasks_that_are_seen():
    adam, seen = AdamByTask(3, lr=0.1), torch.tensor([True, False, True])
    weights = torch.tensor([1.0, 1.0, 0.05])
    moved = adam.descend(weights, torch.tensor([-5.0, 1.0, 2.0]), seen)
    assert_close(moved, torch.tensor([1.1, 1.0, 0.0]))
    assert adam.count.tolist() == [1, 0, 1]


def test_a_sum_is_kept():
    before, seen = torch.tensor([1.0, 1.0, 2.0]), torch.tensor([True, False, True])
    found = with_sum(torch.tensor([3.0, 1.0, 1.0]), before, seen)
    assert_close(found, torch.tensor([2.25, 1.0, 0.75]))


def test_other_tasks_are_refused():
    with pytest.raises(qs.UserError, match=r"Fixed knows tasks 0 to 1\. Found 0 to 3"):
        Fixed(2)(torch.ones(2), step([3, 0]))
    with pytest.raises(qs.UserError, match="`num_tasks` should be at least 1"):
        Fixed(0)
    with pytest.raises(qs.UserError, match="`lr` should be positive"):
        AdamByTask(2, lr=0.0)
