"""The optimiser and its schedule."""

import pytest

from quickstudy.balance import mean
from quickstudy.cli.asked import asked
from quickstudy.cli.drawing import open_data, training_tasks
from quickstudy.cli.making import make_learner
from quickstudy.cli.stepping import make_optimizer, make_scheduler
from quickstudy.errors import UserError


def made(*words):
    found = asked("maml", ["--data", "sinusoid", "--steps", "4", *words])
    source = training_tasks(found, open_data(found))
    return found, make_learner(found, source)


def rates(schedule):
    found, learner = made("--schedule", schedule, "--lr", "1")
    optimizer = make_optimizer(found, learner, mean)
    scheduler = make_scheduler(found, optimizer)
    seen = []
    for _ in range(4):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return seen


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [1, 1, 1, 1]),
        ("linear", [1, 0.75, 0.5, 0.25]),
        ("cosine", [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]),
    ],
)
def test_schedules(schedule, expected):
    assert rates(schedule) == pytest.approx(expected)


def test_a_rate_of_zero_is_refused():
    found, learner = made("--lr", "0")
    with pytest.raises(UserError, match=r"--lr should be positive. Found 0.0"):
        make_optimizer(found, learner, mean)
