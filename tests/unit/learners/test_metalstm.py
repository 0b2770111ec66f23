"""Meta-LSTM: its known answers."""

import math

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.learners.steps.proposal import UpdateRule, preprocess
from tests.laws.battery import cast, close, gradients, line, normed


def sinusoids() -> qs.Episode:
    return cast(
        qs.tasks.Sinusoid().episodes(shot=6, query=5).sample(3, qs.Moment(0, "known")),
        torch.float64,
    )


def with_gates(model: nn.Module, rate: float, **options) -> qs.MetaLSTM:
    """Gates that look at nothing: f = 1 and i = ``rate``."""
    learner = qs.MetaLSTM(model, rate, forget_bias=40.0, **options).double()
    with torch.no_grad():
        learner.step.update.forget[:-1], learner.step.update.input[:-1] = 0, 0
        learner.step.update.input[-1] = math.log(rate / (1 - rate))
    return learner


def test_gradients_are_preprocessed_as_on_paper():
    e = math.e
    found = preprocess(torch.tensor([e**2, -(e**-3), e**-12, 0.0, -(e**-11)], dtype=torch.float64))
    close(
        found,
        torch.tensor(
            [[0.2, 1], [-0.3, -1], [-1, e**-2], [-1, 0], [-1, -1 / e]], dtype=torch.float64
        ),
    )


@pytest.mark.parametrize(
    ("outer", "same"),
    [
        ("unrolled", "unrolled"),
        ("stepwise", "stepwise"),
        ("first_order", "first_order"),
        ("unrolled", "stepwise"),
    ],
)
def test_frozen_gates_are_gradient_descent(outer, same):
    episodes = sinusoids()
    lstm, maml = (
        with_gates(line(), 0.05, inner_steps=4, outer_gradient=outer),
        qs.MAML(line().double(), 0.05, 4, outer_gradient=same),
    )
    for name, weight in maml.adapt(episodes.support).items():
        close(lstm.adapt(episodes.support)[name], weight, 1e-14)
    (losses, grads), (expected, expected_grads) = (
        gradients(lstm, episodes),
        gradients(maml, episodes),
    )
    close(losses, expected)
    close({name: grads[name] for name in expected_grads}, expected_grads, 1e-9)


def test_the_first_order_gradient_is_that_of_a_loop_with_constant_inner_gradients():
    episodes, learner = sinusoids(), qs.MetaLSTM(line(), 0.1, 3, hidden_size=4).double()
    with torch.no_grad():
        for parameter in learner.step.update.parameters():
            parameter += 0.3 * torch.randn(
                parameter.shape, generator=qs.generator(1, "rule"), dtype=parameter.dtype
            )
    losses, grads = gradients(learner, episodes)
    theta, by_hand = dict(learner.model.named_parameters()), []
    for task in range(episodes.num_tasks):
        support, query = (part[task : task + 1] for part in (episodes.support, episodes.query))
        weights, state = (
            theta,
            [torch.zeros(1, 61, *size, dtype=torch.float64) for size in ((4,), (4,), (), ())],
        )
        for _ in range(3):
            leaves = {name: weight.detach().requires_grad_() for name, weight in weights.items()}
            loss = (
                (torch.func.functional_call(learner.model, leaves, (support.x[0],)) - support.y[0])
                .square()
                .mean()
            )
            steps = torch.cat(
                [step.flatten() for step in torch.autograd.grad(loss, list(leaves.values()))]
            ).unsqueeze(0)
            flat = torch.cat([weight.flatten() for weight in weights.values()]).unsqueeze(0)
            new, *state = learner.step.update(loss.detach().reshape(1), steps, flat, *state)
            parts = new[0].split([weight.numel() for weight in weights.values()])
            weights = {
                name: part.reshape(theta[name].shape)
                for name, part in zip(weights, parts, strict=True)
            }
        by_hand.append(
            (torch.func.functional_call(learner.model, weights, (query.x[0],)) - query.y[0])
            .square()
            .mean()
        )
    close(losses, torch.stack(by_hand).detach())
    learner.zero_grad()
    (torch.stack(by_hand) * torch.arange(1, 4)).sum().backward()
    close({name: parameter.grad for name, parameter in learner.named_parameters()}, grads)


def test_the_update_rule_is_torchs_lstm_cell_and_two_gates():
    rule, cell = UpdateRule(3, 5.0, -2.0).double(), nn.LSTMCell(4, 3).double()
    generator = qs.generator(0, "rule")
    with torch.no_grad():
        for parameter in rule.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        # torch's: input, forget, candidate, output
        order = torch.cat([torch.arange(6), torch.arange(9, 12), torch.arange(6, 9)])
        cell.weight_ih.copy_(torch.cat([rule.of_gradient[:, :2], rule.of_loss], 1)[order])
        cell.weight_hh.copy_(rule.of_gradient[order, 2:])
        cell.bias_ih.copy_(rule.bias[order])
        nn.init.zeros_(cell.bias_hh)
    draw = lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
    loss, gradient, weight, forget, input_, hidden, memory = (
        draw(1),
        draw(1, 5),
        draw(1, 5),
        draw(1, 5),
        draw(1, 5),
        draw(1, 5, 3),
        draw(1, 5, 3),
    )
    found = rule(loss, gradient, weight, hidden, memory, forget, input_)
    inputs = torch.cat([preprocess(gradient[0]), preprocess(loss).expand(5, 2)], 1)
    new_hidden, new_memory = cell(inputs, (hidden[0], memory[0]))
    f = (
        torch.cat([new_hidden, weight.T, forget.T], 1) @ rule.forget[:-1] + rule.forget[-1]
    ).sigmoid()
    i = (
        torch.cat([new_hidden, weight.T, input_.T], 1) @ rule.input[:-1] + rule.input[-1]
    ).sigmoid()
    close(
        [value[0] for value in found],
        [f * weight[0] - i * gradient[0], new_hidden, new_memory, f, i],
    )


@pytest.mark.parametrize(("rate", "most"), [(0.2, 1), (3.0, 6)])
def test_gates_start_at_the_inner_rate_and_nearly_open(rate, most):
    learner = qs.MetaLSTM(line(), inner_lr=rate).double()
    zeros = torch.zeros(1, 2, 20, dtype=torch.float64)
    weight, *_, forget, input_ = learner.step.update(
        torch.ones(1).double(),
        torch.ones(1, 2).double(),
        torch.zeros(1, 2).double(),
        zeros,
        zeros,
        zeros[..., 0],
        zeros[..., 0],
    )
    assert (forget > 0.99).all() and (most * input_ - rate).abs().max() < 0.01 * most
    close(weight, -most * input_)
    learner.step.update.reset_parameters()
    assert (
        learner.step.update.forget[-1] == 5
        and abs(most * learner.step.update.input[-1].sigmoid() - rate) < 1e-6
    )


def test_any_way_with_a_shared_head():
    learner = qs.MetaLSTM(normed(), 0.3, 2, shared_head=True).double()
    support = qs.Batch.of(torch.randn(7, 5, dtype=torch.float64), torch.arange(7))
    assert learner.any_way and learner.predict(learner.adapt(support), support.x).shape == (1, 7, 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inner_lr": 0.0}, "`inner_lr` should be positive"),
        ({"hidden_size": 0}, "`hidden_size` should be at least 1. Found hidden_size=0"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        qs.MetaLSTM(line(), **arguments)
