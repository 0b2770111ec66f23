"""How the query losses of the steps weigh."""

import pytest

import quickstudy as qs
from quickstudy.learners.outer import QueryLoss


@pytest.mark.parametrize(
    ("options", "steps", "outer_step", "weights"),
    [
        ({}, 2, 0, [0, 0, 1]),
        ({"multi_step": True}, 0, 0, [1]),
        ({"multi_step": True}, 4, 9, [0, 0.25, 0.25, 0.25, 0.25]),
        ({"multi_step": True, "multi_step_until": 10}, 2, 5, [0, 0.25, 0.75]),
        ({"multi_step": True, "multi_step_until": 10}, 2, 10, [0, 0, 1]),
        ({"multi_step": True, "multi_step_until": 0}, 2, 0, [0, 0, 1]),
    ],
)
def test_the_weights_sum_to_1_and_go_to_the_last(options, steps, outer_step, weights):
    assert QueryLoss(**options).step_weights(steps, outer_step) == weights


def test_an_outer_gradient_that_needs_options_is_not_explicit():
    assert QueryLoss.explicit("stepwise").keeps_states
    with pytest.raises(
        qs.UserError, match=r"one of unrolled, stepwise, first_order. Found 'neumann'"
    ):
        QueryLoss.explicit("neumann")
