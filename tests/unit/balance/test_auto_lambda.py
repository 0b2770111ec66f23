"""Auto-Lambda: its gradient in closed form and by the bilevel package, and what planted auxiliary
tasks make of the weights."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.testing import assert_close

import quickstudy as qs
from benchmarks.balance import HELPFUL, PRIMARY, auxiliary
from quickstudy.balance import AutoLambda, OuterStep
from tests.unit.balance.quadratics import Centres, Quadratics
from tests.unit.training.small import bits, blobs, same_bits, sine_learner, sines

TRAIN, HELD = (
    Centres([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.5]]),
    Centres([[0.5, 0.2], [0.1, 1.0], [0.4, 0.5]]),
)
SCALES, LR = [1.0, 0.5, 3.0], 0.2


@pytest.mark.parametrize("look_ahead", ["exact", "differences"])
@pytest.mark.parametrize("primary", [None, [1], [0, 2]])
def test_the_gradient_on_quadratics_in_closed_form(primary, look_ahead):
    """``−α/n s_i (θ − c_i) · mean_p s_p (θ' − c'_p)``; the differences of a quadratic are exact."""
    learner = Quadratics(SCALES, [0.2, -0.3]).double()
    balancer = AutoLambda(3, HELD, primary, look_ahead=look_ahead)
    balancer.weights = torch.tensor([0.5, 1.5, 1.0])
    episode = TRAIN.of([2, 0, 1])
    found = balancer.gradient(learner.losses(episode), OuterStep(learner, episode, LR))
    theta, scales = learner.theta.detach(), torch.tensor(SCALES).unsqueeze(1)
    gradients = scales * (theta - TRAIN.centres)
    ahead = theta - LR * (balancer.weights.unsqueeze(1) * gradients).mean(0)
    v = (scales * (ahead - HELD.centres))[[0, 1, 2] if primary is None else primary].mean(0)
    assert_close(found, (-LR / 3 * gradients @ v)[[2, 0, 1]], rtol=1e-5, atol=1e-7)


class Losses(nn.Module):
    """The losses of a learner as a function of its parameters."""

    def __init__(self, learner: qs.Learner) -> None:
        super().__init__()
        self.learner = learner

    def forward(self, episodes: qs.Episode) -> torch.Tensor:
        return self.learner.losses(episodes)


def test_the_gradient_is_that_of_the_bilevel_problem():
    """The hypergradient of one inner step, on a network with a head a task; the paper's differences
    are near it."""
    learner = qs.HardSharing(qs.models.MLP(1, 1, hidden=(6, 5)), 3)
    for offset in learner.part.offsets:
        nn.init.normal_(offset, std=0.3, generator=qs.generator(0, "offsets"))
    held, episode = (
        sines().sample(3, qs.Moment(0, purpose, 0)) for purpose in ("auto_lambda", "train")
    )
    found = [
        AutoLambda(3, sines(), [0, 1], look_ahead=way).gradient(
            learner.losses(episode), OuterStep(learner, episode, 0.05)
        )
        for way in ("exact", "differences")
    ]
    network, weights = Losses(learner), torch.ones(3, requires_grad=True)
    solution = qs.bilevel.solve(
        lambda w, meta: (meta["weights"] * functional_call(network, w, (episode,))).mean(),
        lambda w, meta: functional_call(network, w, (held,))[:2].mean(),
        {"weights": weights},
        dict(network.named_parameters()),
        steps=1,
        lr=0.05,
    )
    expected = torch.autograd.grad(solution.loss, weights)[0]
    assert_close(found[0], expected, rtol=1e-4, atol=1e-6)
    assert (found[1] - expected).norm() < 0.02 * expected.norm()


def test_looking_ahead_leaves_the_learner_as_it_is():
    """Running averages too."""
    source = blobs().episodes(3, 2, 4)
    learner = qs.ProtoNet(nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6)))
    episode = source.sample(3, qs.Moment(0, "train"))
    losses = learner.losses(episode)
    before = bits(learner)
    for way in ("exact", "differences"):
        AutoLambda(3, source, look_ahead=way).gradient(losses, OuterStep(learner, episode))
    assert same_bits(before, bits(learner)) and all(
        parameter.grad is None for parameter in learner.parameters()
    )


def test_losses_that_are_differentiable_once_are_looked_at_by_differences():
    learner, episode = (
        sine_learner(inner_steps=2, outer_gradient="stepwise"),
        sines().sample(3, qs.Moment(0, "train")),
    )
    with pytest.raises(
        qs.UserError, match="differentiable once: give AutoLambda look_ahead='differences'"
    ):
        AutoLambda(3, sines()).gradient(learner.losses(episode), OuterStep(learner, episode))
    found = [
        AutoLambda(3, sines(), look_ahead=way).gradient(
            other.losses(episode), OuterStep(other, episode, 0.01)
        )
        for other, way in ((learner, "differences"), (sine_learner(inner_steps=2), "exact"))
    ]
    assert (found[0] - found[1]).norm() < 0.05 * found[1].norm()


def test_a_validation_without_a_primary_task_says_nothing():
    episode = TRAIN.of([0, 1, 2])
    learner, balancer = (
        Quadratics(SCALES, [0.2, -0.3]),
        AutoLambda(3, Centres(HELD.centres[:2].tolist()), [2]),
    )
    assert torch.equal(
        balancer.gradient(learner.losses(episode), OuterStep(learner, episode)), torch.zeros(3)
    )


def test_useless_auxiliary_tasks_lose_their_weight():
    """Planted: the weights of noise fall, helpful tasks keep theirs, and the primary tasks do
    better than with equal weights."""
    equal, _ = auxiliary(1, "equal weights", steps=200)
    learned, path = auxiliary(1, "Auto-Lambda, primary", steps=200)
    useless = [np.mean(weights[PRIMARY + HELPFUL :]) for weights in path]
    assert useless[-1] < 0.5 and np.all(np.diff(useless) < 0.05)
    assert np.mean(path[-1][PRIMARY : PRIMARY + HELPFUL]) > 1
    assert learned.mean() < equal.mean() - 0.1


def test_errors():
    for options, message in (
        ({"primary": [0, 3]}, r"`primary` should hold identities from 0 to 2\. Found \[3\]"),
        ({"primary": []}, "`primary` should name a task that counts. Found none"),
        ({"validation_tasks": 0}, "`validation_tasks` should be at least 1"),
        ({"look_ahead": "far"}, "`look_ahead` should be 'exact' or 'differences'. Found 'far'"),
        ({"lr": -1.0}, "`lr` should be positive"),
    ):
        with pytest.raises(qs.UserError, match=message):
            AutoLambda(3, HELD, **options)
