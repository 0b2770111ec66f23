"""What MAML++ adds to MAML, against steps by hand and against the plain learners."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from tests.laws.battery import SOURCES, cast, close, gradients, line, normed, vectors


def episodes(tasks="vectors"):
    return cast(SOURCES[tasks]().sample(3, qs.Moment(0, "laws")), torch.float64)


def test_learned_rates_that_are_alike_are_the_plain_rate():
    plain, learned = (
        qs.MAML(vectors(), 0.25, 2, learned_rates=on).double() for on in (False, True)
    )
    close(learned.losses(episodes()), plain.losses(episodes()))
    assert [tuple(rate.shape) for rate in learned.step.rates] == [(2,)] * 4


def test_every_step_and_tensor_has_its_own_rate():
    learner = qs.MAML(nn.Linear(1, 1), 0.1, 2, 3, learned_rates=True).double()
    with torch.no_grad():
        for rate, values in zip(learner.step.rates, ([0.125, 0.25], [0.375, 0.5]), strict=True):
            rate.copy_(torch.tensor(values))
    x, y = (
        torch.tensor([[1.0], [2.0]], dtype=torch.float64),
        torch.tensor([[3.0], [1.0]], dtype=torch.float64),
    )
    adapted = learner.adapt(Batch.of(x, y))
    weight, bias = learner.model.weight.item(), learner.model.bias.item()
    # a third step, at test, goes on with the last rates
    for of_weight, of_bias in ((0.125, 0.375), (0.25, 0.5), (0.25, 0.5)):
        errors = [weight * a + bias - b for a, b in ((1, 3), (2, 1))]
        of_w, of_b = errors[0] + 2 * errors[1], errors[0] + errors[1]
        weight, bias = weight - of_weight * of_w, bias - of_bias * of_b
    close(adapted["weight"].item(), weight)
    close(adapted["bias"].item(), bias)


def test_norms_of_each_step_go_with_its_weights_and_do_not_adapt():
    learner = qs.MAML(normed(), 0.3, 2, per_step_norm=True).double()
    assert learner.step.norms.names == ("1.weight", "1.bias")
    with torch.no_grad():
        learner.step.norms[0].copy_(torch.arange(14.0).reshape(2, 7))
    states = list(learner.adaptations(episodes().support, [0, 1, 2, 5]))
    expected = [learner.model[1].weight, *learner.step.norms[0], learner.step.norms[0][1]]
    for state, value in zip(states, expected, strict=True):
        close(state["1.weight"], value.detach().expand(3, 7))


def test_norms_that_are_alike_are_those_of_a_network_whose_norms_do_not_adapt():
    alike, frozen = (
        qs.MAML(normed(), 0.3, 2, per_step_norm=True).double(),
        qs.MAML(normed(), 0.3, 2).double(),
    )
    for name in ("weight", "bias"):
        getattr(frozen.model[1], name).requires_grad_(False)
    close(alike.losses(episodes()), frozen.losses(episodes()))


def test_the_steps_losses_give_way_to_the_last_one():
    plain = qs.MAML(line(), 0.05, 2).double()
    annealed = qs.MAML(line(), 0.05, 2, multi_step_loss=True, multi_step_until=10).double()
    tasks = episodes("sinusoids")
    after = [qs.MAML(line(), 0.05, steps).double().losses(tasks) for steps in (1, 2)]
    close(annealed.losses(tasks), (after[0] + after[1]) / 2)
    close(annealed.losses(tasks.at(qs.Moment(step=5))), 0.25 * after[0] + 0.75 * after[1])
    for step in (10, 11):
        close(annealed.losses(tasks.at(qs.Moment(step=step))), plain.losses(tasks))


def test_the_first_steps_are_of_first_order():
    tasks = episodes("sinusoids")
    learner = qs.MAML(line(), 0.05, 3, first_order_until=7).double()
    for step, other in ((6, qs.FOMAML), (7, qs.MAML)):
        expected = gradients(other(line(), 0.05, 3).double(), tasks)[1]
        close(gradients(learner, tasks.at(qs.Moment(step=step)))[1], expected)


def test_the_annealing_moves_in_a_loop_of_ones_own():
    learner = qs.MAML(line(), 0.05, 2, multi_step_loss=True, multi_step_until=3).double()
    source, seen = SOURCES["sinusoids"](), []
    for step in (0, 3):
        tasks = cast(source.sample(2, qs.Moment(0, "train", step)), torch.float64)
        seen.append(learner.losses(tasks))
        still = learner.losses(tasks.at(qs.Moment(step=3)))
        assert torch.equal(seen[-1], still) == (step == 3)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: qs.MAML(line(), multi_step_until=5), "goes with multi_step_loss=True"),
        (lambda: qs.MAML(line(), first_order_until=-1), "`first_order_until` should be at least 0"),
        (lambda: qs.ANIL(normed(), per_step_norm=True), "the norms below the head see no steps"),
    ],
)
def test_what_does_not_fit_together_is_refused(make, says):
    with pytest.raises(qs.UserError, match=says):
        make()
