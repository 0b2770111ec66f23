"""BOIL, against steps by hand and against MAML whose head has the rate 0."""

import pytest
import torch
import torch.nn.functional as F

import quickstudy as qs
from tests.laws.battery import Case, close, gradients, line, normed, vectors

SINUSOIDS, VECTORS = (Case(tasks, tasks, lambda: None) for tasks in ("sinusoids", "vectors"))


def test_it_is_gradient_descent_on_the_body_by_hand():
    episodes, learner = SINUSOIDS.episodes(), qs.BOIL(line(), 0.1, 3).double()
    losses, grads = gradients(learner, episodes)
    own = dict(learner.model.named_parameters())
    body, expected = [name for name in own if not name.startswith("head")], []
    for task in range(3):
        weights = dict(own)
        for batch, last in [(episodes.support, False)] * 3 + [(episodes.query, True)]:
            scores = torch.func.functional_call(learner.model, weights, (batch.x[task],))
            loss = F.mse_loss(scores, batch.y[task])
            if last:
                break
            slopes = torch.autograd.grad(loss, [weights[n] for n in body], create_graph=True)
            weights |= {n: weights[n] - 0.1 * s for n, s in zip(body, slopes, strict=True)}
        expected.append(loss)
    close(losses, torch.stack(expected).detach())
    learner.zero_grad()
    sum((task + 1) * loss for task, loss in enumerate(expected)).backward()
    close(grads, {name: parameter.grad for name, parameter in learner.named_parameters()})


@pytest.mark.parametrize("outer", ["unrolled", "stepwise", "first_order"])
def test_it_is_maml_whose_head_has_the_rate_0(outer):
    episodes = VECTORS.episodes()
    maml = qs.MAML(normed(), 0.25, 2, outer_gradient=outer, learned_rates=True).double()
    with torch.no_grad():
        for name, rate in zip(maml.step.rates.names, maml.step.rates, strict=True):
            rate.mul_(0.0 if name.startswith("3.") else 1.0)
    boil = qs.BOIL(normed(), 0.25, 2, outer_gradient=outer).double()
    losses, grads = gradients(boil, episodes)
    expected, expected_grads = gradients(maml, episodes)
    close(losses, expected)
    close(grads, {name: expected_grads[name] for name in grads})
    assert grads["model.3.weight"].abs().max() > 1e-3  # the head is meta-learned


def test_the_head_stays():
    learner = qs.BOIL(vectors(), 0.4, 2).double()
    adapted = learner.adapt(VECTORS.episodes().support)
    assert set(adapted) == {"features.1.weight", "features.1.bias"}


@pytest.mark.parametrize("option", ["shared_head", "prototype_head"])
def test_a_start_of_the_head_is_refused(option):
    with pytest.raises(qs.UserError, match="go with a head that adapts"):
        qs.BOIL(vectors(), **{option: True})
