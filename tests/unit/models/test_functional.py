"""A network with other weights: every place gets them, and nothing of the call remains."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import vmap
from torch.nn.utils import parametrizations

from quickstudy.models.functional import call, slots_of


class Twice(nn.Module):
    """One submodule under two names, and a weight of its own that is tied to another."""

    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second = self.first
        self.out.weight = self.first.weight

    def forward(self, x):
        return self.out(torch.tanh(self.second(torch.tanh(self.first(x)))))


class Remembers(nn.Module):
    """Keeps its last input, counts its calls, and moves an average."""

    def __init__(self):
        super().__init__()
        self.linear, self.calls, self.seen = nn.Linear(3, 2), 0, None
        self.register_buffer("average", torch.zeros(3))

    def forward(self, x):
        self.calls, self.seen = self.calls + 1, x
        self.average += x.flatten(0, -2).mean(0)
        return self.linear(x - self.average)


def zoo():
    layer = nn.TransformerEncoderLayer(3, 1, 4, batch_first=True)
    return {
        "shared": Twice(),
        "remembers": Remembers(),
        "parametrised": parametrizations.orthogonal(nn.Linear(3, 3)),
        "weight norm": parametrizations.weight_norm(nn.Linear(3, 3)),
        "recurrent": nn.GRU(3, 2, batch_first=True),
        "transformer": layer,
    }


@pytest.mark.parametrize("name", list(zoo()))
@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(name, training):
    model = zoo()[name].train(training)
    before = copy.deepcopy(model.state_dict())
    held = {id(m): {n: id(v) for n, v in vars(m).items()} for m in model.modules()}
    parameters = [id(p) for p in model.parameters()]
    weights = {n: p.detach() + 0.1 for n, p in model.named_parameters()}
    call(model, weights, torch.randn(2, 4, 3))
    assert [id(p) for p in model.parameters()] == parameters
    assert {id(m): {n: id(v) for n, v in vars(m).items()} for m in model.modules()} == held
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


def test_every_place_of_a_tensor_gets_its_value_once():
    model, value = Twice(), torch.zeros(3, 3)
    given = slots_of(model, {"first.weight": value})
    assert set(given) == {"first.weight", "out.weight"}
    assert set(slots_of(model, {"second.weight": value})) == {"first.weight", "out.weight"}
    x = torch.randn(2, 3)
    found = call(model, {"first.weight": value}, x)
    bias = torch.tanh(model.first.bias)
    expected = model.out.bias + 0 * bias
    assert torch.equal(found, expected.expand(2, 3))


class Attention(nn.Module):
    """Attention by torch's function, in four dimensions."""

    def __init__(self):
        super().__init__()
        self.project = nn.Linear(4, 12)

    def forward(self, x):
        query, key, value = self.project(x).unsqueeze(1).chunk(3, -1)
        return F.scaled_dot_product_attention(query, key, value).squeeze(1)


NETWORKS = {
    "layer": lambda: nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True),
    "function": Attention,
}


@pytest.mark.parametrize("make", NETWORKS.values(), ids=list(NETWORKS))
@pytest.mark.parametrize("training", [True, False])
def test_attention_has_second_derivatives_under_vmap(make, training):
    torch.manual_seed(0)
    model = make().train(training).double()
    x = torch.randn(2, 3, 5, 4, dtype=torch.double)
    names = [name for name, _ in model.named_parameters()]
    start = [p.detach().expand(2, *p.shape).clone() for p in model.parameters()]

    def mapped(weights):
        return vmap(lambda own, rows: call(model, own, rows), randomness="different")(weights, x)

    def second(scale):
        weights = [(scale * value).requires_grad_() for value in start]
        loss = mapped(dict(zip(names, weights, strict=True))).square().mean()
        slopes = torch.autograd.grad(loss, weights, create_graph=True)
        size = sum(slope.square().sum() for slope in slopes)
        return size, torch.autograd.grad(size, weights)

    _, found = second(1.0)
    change = sum((g * v).sum() for g, v in zip(found, start, strict=True))
    expected = (second(1 + 1e-5)[0] - second(1 - 1e-5)[0]) / 2e-5
    torch.testing.assert_close(change, expected, rtol=1e-5, atol=1e-8)
    alone = torch.stack([model(rows) for rows in x])
    torch.testing.assert_close(mapped(dict(zip(names, start, strict=True))), alone)
    assert torch.backends.mha.get_fastpath_enabled() and torch.backends.cuda.flash_sdp_enabled()


def test_the_norm_of_a_weight_has_a_right_second_derivative():
    torch.manual_seed(0)
    model = parametrizations.weight_norm(nn.Linear(3, 2)).double()
    x = torch.randn(5, 3, dtype=torch.double)
    bias, length, direction = (p.detach().requires_grad_() for p in model.parameters())
    names = [name for name, _ in model.named_parameters()]

    def slopes(output):
        (first,) = torch.autograd.grad(output.square().sum(), direction, create_graph=True)
        return first, torch.autograd.grad(first.square().sum(), [length, direction])

    weight = length * direction / direction.norm(dim=1, keepdim=True)
    expected = slopes(x @ weight.T + bias)
    found = slopes(call(model, dict(zip(names, (bias, length, direction), strict=True)), x))
    torch.testing.assert_close(found, expected)
