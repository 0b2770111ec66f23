"""Networks that people bring: learned as plain PyTorch would, and left as they were."""

import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

import quickstudy as qs

pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop")

SIDE = 4


class Twice(nn.Module):
    """One submodule under two names."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(SIDE**2, SIDE**2), nn.Linear(SIDE**2, 1)
        self.second = self.first

    def forward(self, x):
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))


class Tied(nn.Module):
    """One weight in two layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(SIDE**2, SIDE**2), nn.Linear(SIDE**2, SIDE**2)
        self.second.weight, self.out = self.first.weight, nn.Linear(SIDE**2, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))


class View(nn.Module):
    """Two convolutions, flattened by ``view``."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.out = nn.Linear(4 * SIDE**2, 1)

    def forward(self, x):
        x = F.relu(self.first(x.view(x.size(0), 1, SIDE, SIDE)))
        x = F.relu(self.second(x))
        return self.out(x.view(x.size(0), -1))


class Remembers(nn.Module):
    """Keeps its last input and counts its calls."""

    def __init__(self):
        super().__init__()
        self.out, self.calls, self.seen = nn.Linear(SIDE**2, 1), 0, None

    def forward(self, x):
        self.calls, self.seen = self.calls + 1, x
        return self.out(x)


class Reader(nn.Module):
    """Reads the numbers one after the other."""

    def __init__(self, layer, size=4):
        super().__init__()
        self.embed, self.layer, self.out = nn.Linear(1, size), layer, nn.Linear(size, 1)

    def forward(self, x):
        z = self.embed(x.unsqueeze(-1))
        z = self.layer(z, z, z) if isinstance(self.layer, nn.MultiheadAttention) else self.layer(z)
        return self.out((z[0] if isinstance(z, tuple) else z).mean(1))


def old_weight_norm():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.utils.weight_norm(nn.Linear(SIDE**2, 1))


NETWORKS = {
    "one submodule under two names": Twice,
    "tied weights": Tied,
    "flattened by view": View,
    "keeps its last input": Remembers,
    "parametrised": lambda: parametrizations.weight_norm(nn.Linear(SIDE**2, 1)),
    "weight norm by hooks": old_weight_norm,
    "transformer layer": lambda: Reader(nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)),
    "attention": lambda: Reader(nn.MultiheadAttention(4, 2, batch_first=True)),
}
LEARNERS = {"MAML": qs.MAML, "FOMAML": qs.FOMAML, "Reptile": qs.Reptile}


def lines(tasks, examples, generator):
    slope = torch.randn(tasks, 1, 1, generator=generator)
    x = torch.rand(tasks, examples, SIDE**2, generator=generator)
    return x.double(), (slope * x.mean(-1, keepdim=True)).double()


SOURCE = qs.tasks.Family(lines, shot=4, query=3)
EPISODE = SOURCE.sample(3, qs.Moment(0, "zoo"))


def made(network, learner, mapping):
    torch.manual_seed(0)
    model = NETWORKS[network]().double()
    return LEARNERS[learner](model, inner_lr=0.02, inner_steps=2, mapping=mapping)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("learner", LEARNERS)
def test_mapped_is_looped_and_the_network_stays(network, learner):
    found = {}
    for mapping in ("vmap", "loop"):
        one = made(network, learner, mapping)
        held = {id(m): {n: id(v) for n, v in vars(m).items()} for m in one.model.modules()}
        before = copy.deepcopy({**one.state_dict()})
        loss = one.losses(EPISODE)
        slopes = torch.autograd.grad(loss.sum(), list(one.parameters()), allow_unused=True)
        adapted = one.adapt(EPISODE.support)
        found[mapping] = [loss.detach(), *(s for s in slopes if s is not None), *adapted.values()]
        now = {id(m): {n: id(v) for n, v in vars(m).items()} for m in one.model.modules()}
        assert now == held
        assert all(torch.equal(value, before[key]) for key, value in one.state_dict().items())
    # a bias of keys changes no attention: its gradient is 0 but for rounding
    torch.testing.assert_close(found["vmap"], found["loop"], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_gradient_is_the_derivative_of_the_loss(network):
    one = made(network, "MAML", "auto")
    parameters = [p for p in one.parameters() if p.requires_grad]
    slopes = torch.autograd.grad(one.losses(EPISODE).sum(), parameters, allow_unused=True)
    assert all(slope is not None for slope in slopes)
    torch.manual_seed(1)
    away = [torch.randn_like(p) for p in parameters]

    def moved(step):
        with torch.no_grad():
            for p, direction in zip(parameters, away, strict=True):
                p += step * direction
        return one.losses(EPISODE).sum().item()

    step = 1e-6
    up, down = moved(step), moved(-2 * step)
    expected = (up - down) / (2 * step)
    found = sum((s * d).sum() for s, d in zip(slopes, away, strict=True)).item()
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_trained_and_evaluated(network):
    one = made(network, "MAML", "auto")
    before = [p.detach().clone() for p in one.parameters()]
    qs.train(one, SOURCE, steps=2, tasks_per_step=2, progress=False)
    assert not all(map(torch.equal, before, one.parameters()))
    assert qs.evaluate(one, SOURCE, num_tasks=2, baselines=False).estimate.mean >= 0
