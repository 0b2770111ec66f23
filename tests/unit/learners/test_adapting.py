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
        loss = F.mse_loss(
            torch.func.functional_call(learner.model, weights, (batch.x[0],)), batch.y[0]
        )
        return torch.autograd.grad(loss, list(weights.values()))

    of_support = slope(episodes.support, own)
    adapted = {
        n: (w - r * g).detach().requires_grad_()
        for (n, w), r, g in zip(own.items(), learner.step.rates, of_support, strict=True)
    }
    for index, (a, b) in enumerate(zip(slope(episodes.query, adapted), of_support, strict=True)):
        close(grads[f"step.rates.{index}"], -a * b)


def test_meta_sgd_serves_any_way_with_a_shared_head():
    learner = qs.MetaSGD(vectors(), 1.0, 5, shared_head=True).double()
    batch = Batch.of(
        torch.randn(5, 5, dtype=torch.float64, generator=qs.generator(0, "five")), torch.arange(5)
    )
    assert learner.predict(learner.adapt(batch), batch.x).shape == (1, 5, 5)


def test_a_context_on_a_linear_layer_is_appended_to_its_input():
    episodes, learner = SINUSOIDS.episodes(), qs.CAVIA(line(), 0.3, 2, context_size=3).double()
    wider = qs.models.MLP(4, 1, hidden=(6, 6)).double()
    own = {name: value.detach() for name, value in learner.model.named_parameters()}
    own["features.1.weight"] = torch.cat(
        [own["features.1.weight"], learner.part.modulation.weight.detach()], 1
    )
    wider.load_state_dict(own)
    adapted = learner.adapt(episodes.support)
    assert adapted.keys() == {"context"}
    for task in range(3):
        context = torch.zeros(3, dtype=torch.float64, requires_grad=True)

        def predict(x: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
            return wider(torch.cat([x, phi.expand(len(x), 3)], 1))

        for _ in range(2):
            loss = F.mse_loss(predict(episodes.support.x[task], context), episodes.support.y[task])
            context = (
                (context - 0.3 * torch.autograd.grad(loss, context)[0]).detach().requires_grad_()
            )
        close(adapted["context"][task], context.detach())
        scores = learner.predict(adapted, episodes.query.x)[task]
        close(scores, predict(episodes.query.x[task], context).detach())


def test_a_context_scales_and_shifts_the_channels_of_a_convolution():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten())
    learner = qs.CAVIA(model, context_size=1).double()
    with torch.no_grad():
        # shifts, then scales
        learner.part.modulation.weight.copy_(torch.tensor([[3.0], [-1.0], [0.5], [2.0]]))
    x = torch.randn(1, 4, 1, 3, 3, dtype=torch.float64, generator=qs.generator(0, "images"))
    scores = learner.predict({"context": torch.tensor([[2.0]], dtype=torch.float64)}, x)
    plain = model[0](x[0]).detach()
    expected = plain * torch.tensor([2.0, 5.0]).reshape(2, 1, 1) + torch.tensor(
        [6.0, -2.0]
    ).reshape(2, 1, 1)
    close(scores[0], expected.flatten(1))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"layer": "nowhere"}, "should name a layer of the model"),
        ({"layer": "features.2"}, "a linear layer, a convolution or a norm. Found ReLU"),
        ({"context_size": 0}, "`context_size` should be at least 1"),
        ({"outer_gradient": "guess"}, "`outer_gradient` should be one of"),
    ],
)
def test_cavia_refuses_what_it_cannot_modulate(options, says):
    with pytest.raises(qs.UserError, match=says):
        qs.CAVIA(line(), **options)
