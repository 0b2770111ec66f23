from typing import get_args

import pytest

import quickstudy as qs
from quickstudy.learners import LEARNERS
from tests.laws.battery import CASES, TABLE


def test_every_learner_has_a_row_in_the_battery():
    assert set(TABLE) == set(LEARNERS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_row_makes_the_learner_it_is_filed_under(case):
    assert type(case.make()) is LEARNERS[case.name.split("-")[0]]


def test_every_outer_gradient_inner_optimiser_and_policy_is_tried():
    learners = [case.make() for case in CASES]
    assert {getattr(learner, "outer_gradient", "unrolled") for learner in learners} == set(
        get_args(qs.bilevel.OuterGradient)
    )
    assert {getattr(learner, "inner_optimiser", "sgd") for learner in learners} == {
        "sgd",
        "momentum",
        "adam",
    }
    assert {getattr(learner, "statistics", "support") for learner in learners} == {
        "support",
        "transductive",
        "frozen",
    }
    assert {learner.transductive for learner in learners} == {True, False}
