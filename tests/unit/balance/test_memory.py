"""The memory of balancers: what is saved, and what cannot be."""

import pandas as pd
import pytest
import torch
from torch import nn
from torchjd.aggregation import GradVac
from torchjd.scalarization import DWA, FAMO, UW

import quickstudy as qs
from quickstudy.balance import balancer_named, parameters_of, restore_state, state_of
from tests.unit.training.small import sine_learner, sines


def test_a_function_remembers_nothing():
    assert parameters_of(qs.balance.mean) == {} and state_of(qs.balance.mean) == {}
    restore_state(qs.balance.mean, {})


def test_a_saved_state_is_put_back():
    one, other = balancer_named("dwa", num_tasks=2), balancer_named("dwa", num_tasks=2)
    one.weights = torch.tensor([0.5, 1.5])
    restore_state(other, state_of(one))
    assert torch.equal(other.weights, one.weights)
    assert all(isinstance(value, nn.Parameter) for value in parameters_of(UW(3)).values())


def test_the_state_of_another_balancer_is_refused():
    with pytest.raises(qs.UserError, match="should have the balancer it was begun with"):
        restore_state(balancer_named("dwa", num_tasks=2), {"weights": torch.ones(2)})


@pytest.mark.parametrize(
    ("balancer", "what"),
    [(DWA(), "when an epoch ends: use quickstudy.balance.DWA"), (FAMO(3), "a loop of your own")],
)
def test_what_no_one_would_tell_is_refused(balancer, what):
    """TorchJD's own, which would stay at equal weights for ever."""
    with pytest.raises(qs.UserError, match=what):
        qs.fit(sine_learner(), sines(), 1, 3, balancer=balancer, progress=False)


def test_a_place_is_always_the_same_task():
    """Three of four tasks are drawn each step: uncertainties by place would mix them."""
    table = torch.arange(4).repeat_interleave(6)
    frame = {
        "task": table.numpy(),
        "x": torch.randn(24, generator=qs.generator(0, "x")).numpy(),
        "y": table.numpy() + 0.5,
    }
    source = (
        qs.tasks.Table(pd.DataFrame(frame), task="task", target="y")
        .whole()
        .episodes(shot=0, query=4)
    )
    for balancer in (UW(3), GradVac()):
        with pytest.raises(
            qs.UserError,
            match=r"knows a task by its place, .* let `tasks_per_step` be the number of tasks",
        ):
            qs.fit(
                qs.HardSharing(qs.models.MLP(1, 1, hidden=(4,)), 4),
                source,
                20,
                3,
                balancer=balancer,
                progress=False,
            )
