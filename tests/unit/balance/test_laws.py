"""What every balancer obeys: the order of tasks does not matter, and a task that is absent counts
for nothing."""

import pytest
import torch
from torch.testing import assert_close

import quickstudy as qs
from quickstudy.balance import balancer_named, state_of
from quickstudy.balance.names import NAMED, needs_fixed_tasks
from tests.unit.balance.quadratics import Centres, Quadratics, after
from tests.unit.training.small import bits, same_bits, sine_learner, sines

# cvxpy, of Nash-MTL
pytestmark = pytest.mark.filterwarnings(
    "ignore:You are solving a parameterized problem that is not DPP"
)
SOURCE = Centres([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5], [0.3, -1.0]])
OPTIONS = {
    "static": {"weights": [0.5, 2.0, 1.0, 0.1]},
    "dwa": {"epoch_steps": 1},
    "auto_lambda": {
        "validation": Centres([[0.5, 0.0], [0.0, 1.0], [1.0, 0.5], [0.0, 0.0]]),
        "primary": [0, 2],
    },
}
NAMES = list(NAMED)
BY_TASK = ("dwa", "gradnorm", "auto_lambda")


def make(name: str):
    """A balancer, and the learner that it stands in front of."""
    learner = Quadratics([1.0, 0.5, 3.0, 2.0], [0.2, -0.3])
    options = {"gradnorm": {"shared": [learner.theta]}}.get(name, OPTIONS.get(name, {}))
    return balancer_named(
        name, num_tasks=4 if needs_fixed_tasks(name) else None, **options
    ), learner


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_tasks_does_not_matter(name):
    """In three steps, so that what is remembered has an effect."""
    found = [after(*make(name), *[SOURCE.of(order)] * 3) for order in ([0, 1, 2, 3], [2, 0, 3, 1])]
    assert_close(*found, rtol=1e-5, atol=1e-6)
    assert found[0][0].any()


@pytest.mark.parametrize("name", BY_TASK)
def test_steps_of_some_tasks_teach_of_these_alone(name):
    """A task without queries is as one that was not drawn; and what is known of it stays."""
    first = SOURCE.of([0, 1, 2, 3])
    steps = [SOURCE.of([3, 0]), SOURCE.of([0, 1, 3, 2], [True, False, True, False])]
    (one, learner), (two, other) = make(name), make(name)
    drawn, padded = (
        after(one, learner, first, first, steps[0]),
        after(two, other, first, first, steps[1]),
    )
    assert_close(drawn[0], padded[0], rtol=1e-5, atol=1e-6)
    assert_close(drawn[1], padded[1], rtol=1e-5, atol=1e-6)
    if name != "dwa":  # there all weights are those of the last epoch
        before, learner = make(name)
        after(before, learner, first, first)
        assert torch.equal(one.weights[[1, 2]], before.weights[[1, 2]]) and not torch.equal(
            one.weights, before.weights
        )
        assert_close(one.weights.sum(), torch.tensor(4.0))


@pytest.mark.parametrize("name", ["pcgrad", "cagrad", "mgda", "alignedmtl", "upgrad"])
def test_a_task_without_queries_stops_no_aggregator(name):
    """The shortest combination with a gradient of 0 would be 0."""
    alone = after(*make(name), SOURCE.of([0, 2]))[0]
    padded = after(*make(name), SOURCE.of([0, 1, 2], [True, False, True]))[0]
    assert_close(padded, alone)
    assert alone.norm() > 0.1


def test_static_weights_are_a_weighted_sum():
    balancer, learner = make("static")
    weights = torch.tensor(OPTIONS["static"]["weights"])
    expected = (weights * learner.scales).unsqueeze(1) * (learner.theta.detach() - SOURCE.centres)
    assert_close(after(balancer, learner, SOURCE.of([2, 0, 1, 3]))[0], expected.sum(0))


@pytest.mark.parametrize("name", [*BY_TASK, "uncertainty", "random", "pcgrad", "cagrad", "upgrad"])
def test_a_resumed_run_is_as_one_that_was_not_broken_off(tmp_path, name):
    options = {"auto_lambda": {"validation": sines()}, "dwa": {"epoch_steps": 1}}.get(name, {})
    one, two, three = (
        balancer_named(name, **({"num_tasks": 3} if needs_fixed_tasks(name) else {}), **options)
        for _ in range(3)
    )
    whole, begun, again = sine_learner(), sine_learner(), sine_learner()
    qs.fit(whole, sines(), 6, 3, balancer=one, progress=False)
    qs.fit(begun, sines(), 4, 3, out=tmp_path, balancer=two, progress=False)
    assert same_bits(bits(begun), bits(again)) is False
    qs.fit(again, sines(), 6, 3, out=tmp_path, balancer=three, resume=True, progress=False)
    assert same_bits(bits(whole), bits(again)) and same_bits(state_of(one), state_of(three))
    assert all(
        not torch.equal(value, torch.ones(3))
        for value in [getattr(three, "weights", torch.zeros(3))]
    )


@pytest.mark.parametrize("name", ["upgrad", "alignedmtl", "pcgrad", "random"])
def test_meta_learning_with_conflicting_tasks_is_one_line(name):
    made = sine_learner()
    before = bits(made)
    qs.fit(made, sines(), steps=2, balancer=balancer_named(name), progress=False)
    assert not same_bits(before, bits(made))
