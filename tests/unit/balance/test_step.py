"""An outer step, as balancers see it."""

from quickstudy.balance import OuterStep
from tests.unit.balance.quadratics import Centres, Quadratics

SOURCE = Centres([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5]])


def test_a_task_without_queries_is_not_present():
    learner = Quadratics([1.0] * 3, [0.0, 0.0])
    step = OuterStep(learner, SOURCE.of([2, 0], [True, False]))
    assert step.present.tolist() == [True, False] and step.count == 1
    assert OuterStep(learner, SOURCE.of([2, 0], [False, False])).count == 1


def test_the_parameters_are_those_that_are_trained():
    learner = Quadratics([1.0] * 3, [0.0, 0.0])
    step = OuterStep(learner, SOURCE.of([0]))
    assert [value is learner.theta for value in step.parameters] == [True]
    learner.theta.requires_grad_(False)
    assert step.parameters == []


def test_the_order_is_that_of_the_identities():
    step = OuterStep(Quadratics([1.0] * 3, [0.0, 0.0]), SOURCE.of([2, 0, 1]))
    assert step.order.tolist() == [1, 2, 0]
