"""Dynamic weight average, by hand."""

import pytest
import torch
from torch.testing import assert_close

import quickstudy as qs
from quickstudy.balance import DWA, OuterStep
from tests.unit.balance.quadratics import Centres, Quadratics

SOURCE = Centres([[1.0, 0.0], [0.0, 1.0], [2.0, 0.0]])


def tell(balancer: DWA, losses: list[float], tasks: list[int]) -> None:
    episode = SOURCE.of(tasks)
    balancer.weigh(torch.tensor(losses), OuterStep(Quadratics([1.0] * 3, [0.0, 0.0]), episode))


def test_two_epochs_of_two_steps_by_hand():
    """Averages: task 0 from 4 to 2, task 1 from 1 to 1; task 2 is not in the second epoch."""
    balancer = DWA(3, temperature=0.5, epoch_steps=2)
    for losses, tasks in (([5.0, 1.0], [0, 1]), ([3.0, 9.0], [0, 2]), ([1.0, 2.0], [1, 0])):
        tell(balancer, losses, tasks)
        assert torch.equal(balancer.weights, torch.ones(3))
    tell(balancer, [2.0], [0])
    assert_close(balancer.weights, 3 * torch.softmax(torch.tensor([0.5, 1.0, 1.0]) / 0.5, 0))


def test_errors():
    for options, message in (
        ({"temperature": 0.0}, "`temperature`"),
        ({"epoch_steps": 0}, "`epoch_steps`"),
    ):
        with pytest.raises(qs.UserError, match=message):
            DWA(2, **options)
