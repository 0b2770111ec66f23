"""Balancers in front of learners: TorchJD's objects as they are, their gradients, and what is
remembered."""

import json

import pytest
import torch
from torch import nn
from torchjd.aggregation import MGDA, GradVac, Mean, PCGrad, UPGrad
from torchjd.scalarization import UW, Constant

import quickstudy as qs
from quickstudy.balance import DWA, GradNorm, OuterStep, descend, mean
from tests.unit.training.small import bits, same_bits, sine_learner, sines


class Quadratics(qs.Learner):
    """Task ``t`` has the loss ``scale_t ‖θ − centre_t‖² / 2``, whatever its examples."""

    test_steps = 0

    def __init__(self, centres, scales=(1.0, 1.0)):
        super().__init__()
        self.theta, self.centres, self.scales = (
            nn.Parameter(torch.zeros(2)),
            torch.tensor(centres),
            torch.tensor(scales),
        )

    def losses(self, episodes):
        return (
            0.5
            * self.scales[episodes.task]
            * (self.theta - self.centres[episodes.task]).square().sum(1)
        )

    def trajectory(self, support, steps):
        raise NotImplementedError

    def scores(self, adapted, x):
        raise NotImplementedError


class Both(qs.tasks.TaskSource):
    """Tasks 0 and 1, in either order."""

    target = qs.targets.Numbers((1,))

    def sample(self, num_tasks, moment):
        one = qs.Batch(*(torch.ones(2, 1, *size) for size in ((1,), (1,), ())))
        return qs.Episode(one, one, torch.randperm(2, generator=moment.generator())[:num_tasks])

    def describe(self):
        return {}


def step(balancer, learner, **options) -> torch.Tensor:
    """The way that one step of gradient descent goes."""
    optimizer = torch.optim.SGD([*learner.parameters()], lr=1.0)
    qs.fit(learner, Both(), 1, 2, optimizer=optimizer, balancer=balancer, progress=False, **options)
    return learner.theta.detach()


def test_conflicting_tasks_are_all_served():
    """Along the mean the small task loses; every aggregator for conflicts leaves neither worse."""
    centres, scales = ([0.1, 0.02], [-0.05, 0.02]), (10.0, 1.0)
    for balancer in (UPGrad(), MGDA()):
        moved = step(balancer, Quadratics(centres, scales))
        gradients = -torch.tensor(centres) * torch.tensor(scales).unsqueeze(1)
        assert (gradients @ -moved >= -1e-3).all(), balancer
    plain = step(mean, Quadratics(centres, scales))
    assert (gradients @ -plain).min() < -1e-2


def test_the_mean_of_gradients_is_the_gradient_of_the_mean():
    centres = ([0.3, -1.0], [0.7, 0.2])
    torch.testing.assert_close(step(Mean(), Quadratics(centres)), step(mean, Quadratics(centres)))


@pytest.mark.parametrize("way", ["unrolled", "stepwise"])
def test_any_learner_is_balanced(way):
    """Also where the outer gradient is found in the forward pass."""
    found = []
    for balancer in (mean, Mean()):
        learner = sine_learner(inner_steps=2, outer_gradient=way)
        episodes = sines().sample(3, qs.Moment(0, "train"))
        descend(balancer, learner.losses(episodes), OuterStep(learner, episodes))
        found.append([parameter.grad.clone() for parameter in learner.parameters()])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


def test_a_balancer_that_remembers_a_task_finds_it_at_its_place():
    """Weights 1 and 0: only task 0 is followed, in whatever order the tasks come."""
    learner = Quadratics(([1.0, 0.0], [0.0, 1.0]))
    optimizer = torch.optim.SGD(learner.parameters(), lr=0.5)
    qs.fit(
        learner,
        Both(),
        8,
        2,
        optimizer=optimizer,
        balancer=Constant(torch.tensor([1.0, 0.0])),
        progress=False,
    )
    assert learner.theta[1] == 0 and learner.theta[0] > 0.9


def test_uncertainties_are_learned():
    """``s`` goes to ``log L`` where the losses stay: the larger loss has the larger variance."""
    learner, balancer = Quadratics(([3.0, 0.0], [-1.0, 0.0]), (0.5, 2.0)), UW(2)
    learner.theta.requires_grad_(False)
    other = nn.Parameter(torch.zeros(()))
    learner.register_parameter("other", other)
    losses = learner.losses(Both().sample(2, qs.Moment(0, "train")))
    qs.fit(
        learner,
        Both(),
        400,
        2,
        lr=0.05,
        balancer=lambda values: balancer(values) + 0 * other,
        progress=False,
    )
    assert torch.equal(balancer.log_var, torch.zeros(2)), "a function's parameters are the caller's"
    qs.fit(Attached(learner), Both(), 400, 2, lr=0.05, balancer=balancer, progress=False)
    torch.testing.assert_close(
        balancer.log_var.exp().sort().values, losses.detach().sort().values, rtol=1e-3, atol=1e-3
    )


class Attached(Quadratics):
    """Quadratics with a parameter that changes nothing, so that there is something to train."""

    def __init__(self, other):
        super().__init__(other.centres.tolist(), other.scales.tolist())
        self.theta.requires_grad_(False)
        self.nothing = nn.Parameter(torch.zeros(()))

    def losses(self, episodes):
        return super().losses(episodes) + 0 * self.nothing


def test_a_balanced_run_is_resumed_exactly(tmp_path):
    whole, parts = sine_learner(), sine_learner()
    one, two = UW(3), UW(3)
    qs.fit(whole, sines(), 6, 3, balancer=one, progress=False)
    qs.fit(parts, sines(), 3, 3, out=tmp_path, balancer=two, progress=False)
    again, three = sine_learner(), UW(3)
    qs.fit(again, sines(), 6, 3, out=tmp_path, balancer=three, resume=True, progress=False)
    assert same_bits(bits(whole), bits(again))
    assert torch.equal(one.log_var, three.log_var) and not torch.equal(one.log_var, torch.zeros(3))


def test_errors(tmp_path):
    learner, source = sine_learner(), sines()
    with pytest.raises(qs.UserError, match=r"PCGrad.* needs all tasks of a step at once"):
        qs.fit(learner, source, 1, 4, balancer=PCGrad(), tasks_per_backward=2, progress=False)
    with pytest.raises(
        qs.UserError,
        match=r"UW.* cannot serve a step of 4 tasks: Parameter `values` should have shape \(3,\)",
    ):
        qs.fit(learner, source, 1, 4, balancer=UW(3), progress=False)
    qs.fit(learner, source, 1, 4, balancer=GradVac(), out=tmp_path / "vac", progress=False)
    with pytest.raises(qs.UserError, match=r"GradVac.* keeps a memory that is not saved"):
        qs.fit(
            learner,
            source,
            2,
            4,
            balancer=GradVac(),
            out=tmp_path / "vac",
            resume=True,
            progress=False,
        )
    qs.fit(learner, source, 1, 4, balancer=DWA(4), out=tmp_path / "dwa", progress=False)
    for other in (mean, GradNorm(4), DWA(5)):
        with pytest.raises(
            qs.UserError,
            match=r"should have the balancer it was begun with, which remembers .*weights.*\(4,\)",
        ):
            qs.fit(
                learner,
                source,
                2,
                4,
                balancer=other,
                out=tmp_path / "dwa",
                resume=True,
                progress=False,
            )


def test_the_weights_on_the_way_are_in_the_metrics(tmp_path):
    balancer = GradNorm(3)
    qs.fit(sine_learner(), sines(), 25, 3, out=tmp_path, balancer=balancer, progress=False)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 25]
    last = [lines[-1][f"weight/{task}"] for task in range(3)]
    assert last == pytest.approx(balancer.weights.tolist(), abs=1e-4) and last != [1.0, 1.0, 1.0]
    assert json.loads((tmp_path / "run.json").read_text())["balancer"] == "GradNorm"
