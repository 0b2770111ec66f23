"""Balancers by name, what is told of those that cannot serve, and that balancing helps where all
tasks conflict."""

import re
import subprocess
import sys
from typing import get_args

import pytest

import quickstudy as qs
from quickstudy.balance import BalancerName, balancer_named
from quickstudy.balance.names import NAMED


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
