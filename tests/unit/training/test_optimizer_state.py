"""The state of an optimiser and its scheduler, packed and restored."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.training.optimizer_state import (
    check_optimizer,
    pack_optimizer,
    restore_optimizer,
    schedule_state,
)


def stepped(steps: int, kind=torch.optim.Adam) -> tuple[nn.Linear, torch.optim.Optimizer]:
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)
    optimizer = kind(layer.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        layer(torch.tensor([1.0, 2.0])).square().sum().backward()
        optimizer.step()
    return layer, optimizer


def test_adam_keeps_two_moments_and_its_step():
    tensors, details = pack_optimizer(stepped(1)[1])
    names = [f"optimizer/0/{name}" for name in ("step", "exp_avg", "exp_avg_sq")]
    assert list(tensors) == names
    # the gradient of (w·x)² at w = (1, 1), x = (1, 2) is 6 x; the first moment takes a tenth
    torch.testing.assert_close(tensors[names[1]], torch.tensor([[0.6, 1.2]]))
    assert details["class"] == "Adam" and details["plain"] == {}
    assert details["param_groups"][0]["params"] == [0]


def test_a_restored_optimiser_goes_on_alike():
    expected, _ = stepped(3)
    layer, optimizer = stepped(2)
    tensors, saved = pack_optimizer(optimizer)
    fresh = torch.optim.Adam(layer.parameters(), lr=0.5)
    restore_optimizer(fresh, tensors, {"optimizer": saved})
    fresh.zero_grad()
    layer(torch.tensor([1.0, 2.0])).square().sum().backward()
    fresh.step()
    assert torch.equal(layer.weight, expected.weight)


def test_another_class_and_other_groups_are_refused():
    details = {"optimizer": pack_optimizer(stepped(1)[1])[1]}
    with pytest.raises(qs.UserError, match=r"begun with, Adam\. Found SGD"):
        check_optimizer(stepped(0, torch.optim.SGD)[1], details)
    with pytest.raises(qs.UserError, match=r"begun with, \[1\]\. Found \[2\]"):
        check_optimizer(torch.optim.Adam(nn.Linear(2, 1).parameters()), details)


def test_the_state_of_a_scheduler():
    optimizer = stepped(0)[1]
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    kept = schedule_state(scheduler)
    assert kept is not None and (kept["step_size"], kept["last_epoch"]) == (5, 0)
    assert schedule_state(None) is None
    # JSON would make a list of the tuple
    scheduler.parts = [(1, 2)]
    with pytest.raises(qs.UserError, match="could not be resumed exactly"):
        schedule_state(scheduler)
