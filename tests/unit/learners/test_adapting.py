"""ANIL and Meta-SGD: their known answers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import quickstudy as qs
from quickstudy import Batch
from tests.laws.battery import Case, close, gradients, line, vectors

SINUSOIDS, VECTORS = (Case(tasks, tasks, lambda: None) for tasks in ("sinusoids", "vectors"))


def test_anil_is_gradient_descent_on_the_head_by_hand():
    episodes, learner = SINUSOIDS.episodes(), qs.ANIL(line(), 0.1, 3).double()
    losses, grads = gradients(learner, episodes)
    body, own = learner.model.features, dict(learner.model.named_parameters())
    expected = []
    for task in range(3):
        support, query = episodes.support, episodes.query
        weight, bias = own["head.weight"], own["head.bias"]
        for _ in range(3):
            loss = F.mse_loss(F.linear(body(support.x[task]), weight, bias), support.y[task])
            steps = torch.autograd.grad(loss, (weight, bias), create_graph=True)
            weight, bias = weight - 0.1 * steps[0], bias - 0.1 * steps[1]
        expected.append(F.mse_loss(F.linear(body(query.x[task]), weight, bias), query.y[task]))
    close(losses, torch.stack(expected).detach())
    learner.zero_grad()
    sum((task + 1) * loss for task, loss in enumerate(expected)).backward()
    close(grads, {name: parameter.grad for name, parameter in learner.named_parameters()})


def test_anil_adapts_the_head_alone():
    learner = qs.ANIL(vectors(), 0.4, 2).double()
    assert set(learner.adapt(VECTORS.episodes().support)) == {"head.weight", "head.bias"}


def test_anil_refuses_a_model_that_does_not_end_in_its_last_linear_layer():
    model = nn.Sequential(nn.Linear(5, 3), nn.Softmax(-1))
    with pytest.raises(qs.UserError, match="should be its end"):
        qs.ANIL(model.double(), 0.1).losses(VECTORS.episodes())


def test_meta_sgd_with_equal_rates_is_maml():
    episodes = VECTORS.episodes()
    losses, grads = gradients(qs.MetaSGD(vectors(), 0.3, 2).double(), episodes)
    expected, expected_grads = gradients(qs.MAML(vectors(), 0.3, 2).double(), episodes)
    close(losses, expected, 1e-6)  # rates are made in float32
    close({name: grads[name] for name in expected_grads}, expected_grads, 1e-6)


def test_the_gradient_of_a_rate_is_minus_the_query_gradient_times_the_support_gradient():
    episodes, learner = SINUSOIDS.episodes()[:1], qs.MetaSGD(line(), 0.05, 1).double()
    _, grads = gradients(learner, episodes)
    own = dict(learner.model.named_parameters())

    def slope(batch: Batch, weights: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        loss = F.mse_loss(torch.func.functional_call(learner.model, weights, (batch.x[0],)), batch.y[0])
        return torch.autograd.grad(loss, list(weights.values()))

    of_support = slope(episodes.support, own)
    adapted = {n: (w - r * g).detach().requires_grad_() for (n, w), r, g in zip(own.items(), learner.rates, of_support, strict=True)}
    for index, (a, b) in enumerate(zip(slope(episodes.query, adapted), of_support, strict=True)):
        close(grads[f"rates.{index}"], -a * b)


def test_meta_sgd_serves_any_way_with_a_shared_head():
    learner = qs.MetaSGD(vectors(), 1.0, 5, shared_head=True).double()
    batch = Batch.of(torch.randn(5, 5, dtype=torch.float64, generator=qs.generator(0, "five")), torch.arange(5))
    assert learner.predict(learner.adapt(batch), batch.x).shape == (1, 5, 5)
