"""Laws about the gradient of a learner's loss."""

import pytest
import torch

from tests.laws.battery import CASES, NUM_TASKS, close, gradients, query_loss

OF = {
    kind: [case for case in CASES if case.gradient == kind]
    for kind in ("exact", "first_order", "displacement")
}
WEIGHTS = torch.arange(1, NUM_TASKS + 1)


@pytest.mark.parametrize("case", OF["exact"], ids=str)
def test_the_gradient_is_that_of_the_loss(case):
    learner, episodes = case.learner(), case.episodes()
    _, grads = gradients(learner, episodes)
    generator, step = torch.Generator().manual_seed(0), 1e-6
    for _ in range(2):
        way = {
            n: torch.randn(p.shape, generator=generator, dtype=p.dtype)
            for n, p in learner.named_parameters()
        }
        ends = []
        for sign in (1, -2):
            with torch.no_grad():
                for name, parameter in learner.named_parameters():
                    parameter += sign * step * way[name]
            ends.append((learner.losses(episodes) * WEIGHTS).sum().item())
        with torch.no_grad():
            for name, parameter in learner.named_parameters():
                parameter += step * way[name]
        slope = sum((grads[name] * way[name]).sum() for name in grads)
        close(slope, torch.tensor((ends[0] - ends[1]) / (2 * step), dtype=slope.dtype), 1e-6)


def through_the_start(learner, gradients):
    """``gradients`` with respect to the weights a task starts from, with respect to the parameters:
    a shared head's are means."""
    heads = {f"model.{name}" for name in learner.part.head}
    return {
        name: value.mean(0, keepdim=True).expand_as(value) if name in heads else value
        for name, value in gradients.items()
    }


@pytest.mark.parametrize("case", OF["first_order"], ids=str)
def test_a_first_order_gradient_is_that_of_the_query_loss_at_the_adapted_weights(case):
    learner, episodes = case.learner(), case.episodes()
    losses, grads = gradients(learner, episodes)
    adapted = learner.adapt(episodes.support, learner.inner_steps)
    expected = {name: torch.zeros_like(grad) for name, grad in grads.items()}
    for task in range(NUM_TASKS):
        weights = {n: adapted[n.removeprefix("model.")][task].requires_grad_() for n in grads}
        loss = query_loss(
            learner,
            {n.removeprefix("model."): w for n, w in weights.items()},
            episodes[task : task + 1],
        )
        close(losses[task], loss.detach())
        for name, gradient in zip(
            weights, torch.autograd.grad(loss, list(weights.values())), strict=True
        ):
            expected[name] += WEIGHTS[task] * gradient
    close(grads, through_the_start(learner, expected))


@pytest.mark.parametrize("case", OF["displacement"], ids=str)
def test_a_displacement_is_the_way_from_the_adapted_weights_to_the_initialisation(case):
    learner, episodes = case.learner(), case.episodes()
    losses, grads = gradients(learner, episodes)
    adapted = learner.adapt(episodes.support, learner.inner_steps)
    start = learner.adapt(episodes.support, 0)
    ways = {name: start[name] - adapted[name] for name, _ in learner.model.named_parameters()}
    close(losses, sum(0.5 * way.square().flatten(1).sum(1) for way in ways.values()))
    expected = {
        f"model.{name}": (way * WEIGHTS.reshape(-1, *[1] * (way.ndim - 1))).sum(0)
        for name, way in ways.items()
    }
    close(grads, through_the_start(learner, expected))
    assert any((gradient != 0).any() for gradient in grads.values())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_frozen_layers_stay_as_they_are(case):
    learner, episodes = case.learner(), case.episodes()
    name, frozen = next(iter(learner.model.named_parameters()))
    frozen.requires_grad_(False)
    before = frozen.clone()
    learner.losses(episodes).sum().backward()
    assert frozen.grad is None
    assert any(parameter.grad is not None for parameter in learner.parameters())
    torch.optim.SGD(learner.parameters(), 0.1).step()
    assert torch.equal(frozen, before)
    adapted = learner.adapt(episodes.support)
    assert name not in adapted
    assert torch.equal(frozen, before)
    assert learner.predict(adapted, episodes.query.x).isfinite().all()
