"""The inner loop against torch's own optimisers and against a loop written out by hand."""

import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call

import quickstudy as qs
from tests.laws.battery import cast, close, gradients, normed

OPTIMISERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.02),
    "momentum": lambda parameters: torch.optim.SGD(parameters, 0.02, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, 0.02),
}


def smooth() -> nn.Module:
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    qs.models.initialise.initialise(model, qs.generator(0, "model"))
    return model.double()


def sinusoids(num_tasks: int = 3) -> qs.episode.Episode:
    return cast(
        qs.tasks.Sinusoid().episodes(shot=6, query=5).sample(num_tasks, qs.Moment(0, "known")),
        torch.float64,
    )


def squared(model: nn.Module, weights: dict, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (functional_call(model, weights, (x,)) - y).square().mean()


@pytest.mark.parametrize("name", OPTIMISERS)
def test_five_steps_are_those_of_torchs_own_optimiser(name):
    model, support = smooth(), sinusoids(1).support
    learner = qs.MAML(copy.deepcopy(model), 0.02, inner_steps=5, inner_optimiser=name)
    optimiser = OPTIMISERS[name](model.parameters())
    for _ in range(5):
        optimiser.zero_grad()
        (model(support.x[0]) - support.y[0]).square().mean().backward()
        optimiser.step()
    adapted = learner.adapt(support)
    for key, weight in model.named_parameters():
        close(adapted[key][0], weight.detach(), 1e-6 if name == "adam" else 1e-12)


def test_reptiles_adam_has_beta1_zero_and_starts_afresh():
    model, support = smooth(), sinusoids(1).support
    learner = qs.Reptile(copy.deepcopy(model), 0.02, inner_steps=4)
    optimiser = torch.optim.Adam(model.parameters(), 0.02, betas=(0.0, 0.999))
    for _ in range(4):
        optimiser.zero_grad()
        (model(support.x[0]) - support.y[0]).square().mean().backward()
        optimiser.step()
    for _ in range(2):  # a second task starts from nothing
        adapted = learner.adapt(support)
        for key, weight in model.named_parameters():
            close(adapted[key][0], weight.detach(), 1e-6)


@pytest.mark.parametrize("first_order", [False, True])
def test_maml_is_a_loop_written_by_hand(first_order):
    model, episodes = smooth(), sinusoids()
    learner = qs.FOMAML(model, 0.05, 4) if first_order else qs.MAML(model, 0.05, 4)
    losses, grads = gradients(learner, episodes)
    theta = dict(model.named_parameters())
    expected = []
    for task in range(episodes.num_tasks):
        weights = theta
        for _ in range(4):
            loss = squared(model, weights, episodes.support.x[task], episodes.support.y[task])
            steps = torch.autograd.grad(loss, list(weights.values()), create_graph=not first_order)
            weights = {
                name: weight - 0.05 * step
                for (name, weight), step in zip(weights.items(), steps, strict=True)
            }
        expected.append(squared(model, weights, episodes.query.x[task], episodes.query.y[task]))
    losses_by_hand = torch.stack(expected)
    close(losses, losses_by_hand.detach())
    by_hand = torch.autograd.grad((losses_by_hand * torch.arange(1, 4)).sum(), list(theta.values()))
    close(list(grads.values()), list(by_hand))


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("multi_step_loss", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_stepwise_is_unrolled(optimiser, multi_step_loss, norm):
    episodes = sinusoids()
    if norm:
        x = torch.randn(3, 8, 5, generator=qs.generator(0, "x"), dtype=torch.float64)
        y = torch.arange(8).remainder(3).expand(3, 8)
        batch = qs.Batch(x, y, torch.ones(3, 8))
        episodes = qs.episode.Episode(batch, qs.Batch(x.flip(0), y, batch.mask), torch.arange(3))
    results = []
    for outer in ("unrolled", "stepwise"):
        model = normed().double() if norm else smooth()
        learner = qs.MAML(
            model,
            0.05,
            5,
            inner_optimiser=optimiser,
            outer_gradient=outer,
            multi_step_loss=multi_step_loss,
        )
        results.append(gradients(learner, episodes))
    close(results[1], results[0], 1e-10)


def test_multi_step_loss_is_the_mean_of_the_query_losses_after_each_step():
    episodes = sinusoids()
    after = [qs.MAML(smooth(), 0.05, steps).losses(episodes) for steps in (1, 2, 3)]
    close(
        qs.MAML(smooth(), 0.05, 3, multi_step_loss=True).losses(episodes),
        torch.stack(after).mean(0),
    )


def test_without_inner_steps_the_loss_is_that_of_the_model():
    episodes, model = sinusoids(), smooth()
    expected = (model(episodes.query.x) - episodes.query.y).square().mean((1, 2))
    for outer in ("unrolled", "stepwise", "first_order"):
        for multi in (False, True):
            learner = qs.MAML(model, 0.05, 0, outer_gradient=outer, multi_step_loss=multi)
            close(learner.losses(episodes), expected)


@pytest.mark.parametrize("outer", ["unrolled", "stepwise", "first_order"])
def test_the_inner_loop_leaves_the_shared_parameters_untouched(outer):
    model, episodes = smooth(), sinusoids()
    before = copy.deepcopy(model.state_dict())
    learner = qs.MAML(model, 0.5, 5, outer_gradient=outer)
    losses = learner.losses(episodes)
    adapted = learner.adapt(episodes.support)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(not torch.equal(adapted[name][0], adapted[name][1]) for name in adapted)
    assert torch.equal(learner.losses(episodes), losses)


def test_adam_has_finite_second_derivatives_where_the_gradient_is_zero():
    episodes = cast(sinusoids(), torch.float32)
    dead = qs.models.MLP(1, 1, hidden=(6,))
    nn.init.constant_(dead.features[1].bias, -100.0)  # no unit ever fires
    for outer in ("unrolled", "stepwise"):
        _, grads = gradients(
            qs.MAML(dead, 0.01, 3, inner_optimiser="adam", outer_gradient=outer), episodes
        )
        assert all(gradient.isfinite().all() for gradient in grads.values())
