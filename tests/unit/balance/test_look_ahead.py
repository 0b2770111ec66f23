"""A look one step ahead, on quadratics: the descent, the step, and slopes in closed form."""

import pytest
import torch
from torch.testing import assert_close

import quickstudy as qs
from quickstudy.balance import OuterStep
from quickstudy.balance.look_ahead import descent_of, differences, moved, place, slopes
from tests.unit.balance.quadratics import Centres, Quadratics

SOURCE = Centres([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5]])
WEIGHTS = [0.5, 0.25, 0.25]
SCALES = [1.0, 0.5, 3.0]
V = torch.tensor([0.6, -0.8])


@pytest.fixture
def learner() -> Quadratics:
    return Quadratics(SCALES, [0.2, -0.3])


@pytest.fixture
def step(learner: Quadratics) -> OuterStep:
    return OuterStep(learner, SOURCE.of([0, 1, 2]), 0.1)


@pytest.fixture
def gradients(learner: Quadratics) -> torch.Tensor:
    """The gradient of each task, ``s_t (θ − c_t)``, ``[task, 2]``."""
    return torch.tensor(SCALES).unsqueeze(1) * (learner.theta.detach() - SOURCE.centres)


def descent(learner: Quadratics, step: OuterStep) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    weights = torch.tensor(WEIGHTS, requires_grad=True)
    return weights, descent_of(learner.losses(step.episodes), weights, step, exact=True)


def test_the_descent_is_the_weighted_sum_of_the_gradients(learner, step, gradients):
    _, found = descent(learner, step)
    assert_close(found[0].detach(), torch.tensor(WEIGHTS) @ gradients)


def test_a_copy_moves_against_the_descent_and_the_learner_stays(learner, step):
    ahead = moved(step, [torch.tensor([1.0, -2.0])])
    assert_close(ahead.theta.detach(), torch.tensor([0.1, -0.1]))
    assert_close(learner.theta.detach(), torch.tensor([0.2, -0.3]))


def test_slopes_are_inner_products_with_the_gradients(learner, step, gradients):
    weights, found = descent(learner, step)
    assert_close(slopes(found, weights, [V]), gradients @ V)
    copy = moved(step, [torch.zeros(2)])
    assert_close(differences(copy, [V], step), gradients @ V, rtol=1e-2, atol=1e-3)


def test_losses_that_are_differentiable_once_have_no_exact_slopes(learner, step):
    weights = torch.tensor(WEIGHTS, requires_grad=True)
    found = descent_of(learner.losses(step.episodes), weights, step, exact=False)
    with pytest.raises(qs.UserError, match="differentiable only once: give AutoLambda look_ahead="):
        slopes([part.requires_grad_() for part in found], weights, [V])


def test_only_trained_parameters_are_placed():
    model = torch.nn.Linear(1, 1)
    model.bias.requires_grad_(False).fill_(7.0)
    place(model, [torch.tensor([[2.0]])], [torch.tensor([[-1.0]])], 0.5)
    assert model.weight.item() == 1.5 and model.bias.item() == 7.0
