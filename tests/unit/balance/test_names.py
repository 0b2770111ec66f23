"""Balancers by name, what is told of those that cannot serve, and that balancing helps where all
tasks conflict."""

import re
import subprocess
import sys
from typing import get_args

import pytest
import torch
from torchjd.aggregation import GradVac
from torchjd.scalarization import DWA, FAMO, UW

import quickstudy as qs
from benchmarks.balance import conflict
from quickstudy.balance import BalancerName, balancer_named
from quickstudy.balance.names import NAMED
from tests.unit.training.small import sine_learner, sines


def test_every_name_is_known_to_the_command_line():
    assert get_args(BalancerName) == tuple(NAMED)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: balancer_named("best"),
            "The balancer should be one of mean, static, .*upgrad. Found 'best'",
        ),
        (lambda: balancer_named("gradnorm"), "Balancer 'gradnorm' needs `num_tasks`"),
        (lambda: balancer_named("upgrad", num_tasks=3), "Balancer 'upgrad' takes no `num_tasks`"),
        (
            lambda: balancer_named("gradnorm", num_tasks=3, beta=1),
            "'gradnorm' cannot be made: .*beta",
        ),
        (lambda: balancer_named("static", num_tasks=3), "'static' cannot be made: .*weights"),
        (
            lambda: balancer_named("static", num_tasks=3, weights=[1.0]),
            r"a weight for each of 3 tasks. Found shape \(1,\)",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(qs.UserError, match=message):
        call()


def test_a_package_that_is_missing_is_named():
    hidden = (
        "import sys; sys.modules['cvxpy'] = None; import quickstudy as qs; "
        "qs.balance.balancer_named('cagrad')"
    )
    done = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True)
    assert re.search(
        r"UserError: Balancer 'cagrad' cannot be made: .*cvxpy.* pip install", done.stderr
    )


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
    import pandas as pd

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


def test_balancing_helps_where_all_tasks_conflict():
    """A layer too narrow for tasks of scales from 10 to 1: the plain mean serves the large ones."""
    plain, balanced = conflict(0, "mean", steps=120), conflict(0, "alignedmtl", steps=120)
    assert balanced.mean() < plain.mean() - 0.05
    assert plain[:2].mean() < balanced[:2].mean() and balanced[3:].mean() < plain[3:].mean()
