"""The probe against autograd, row by row, and networks that cannot be one."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.relatedness.probe import Probe
from tests.unit.relatedness.linear import DOUBLE, THETA, line, noisy

NUMBERS, CLASSES = qs.targets.Numbers(), qs.targets.Classes(3)


def test_losses_are_squared_errors_or_cross_entropies():
    batch = noisy()
    probe = Probe(line(), NUMBERS)
    found = probe.batch_losses(probe.weights, batch)
    expected = ((batch.x @ THETA).unsqueeze(-1) - batch.y).square().squeeze(-1)
    assert torch.allclose(found, expected)
    zero = {"weight": torch.zeros(1, 3, dtype=DOUBLE)}
    assert torch.allclose(probe.losses(zero, batch.x[0], batch.y[0]), batch.y[0, :, 0].square())
    uniform = Probe(nn.Linear(2, 3), CLASSES)
    weights = {name: torch.zeros_like(value) for name, value in uniform.weights.items()}
    found = uniform.losses(weights, torch.ones(4, 2), torch.tensor([0, 1, 2, 0]))
    assert torch.allclose(found, torch.tensor(3.0).log().expand(4))


def test_every_row_has_its_own_gradient():
    model = qs.models.MLP(3, 1, hidden=(4,)).to(DOUBLE)
    probe, batch = Probe(model, NUMBERS), noisy()
    found = probe.row_gradients(batch.x[0], batch.y[0])
    for row in (0, 5):
        loss = (model(batch.x[0, row : row + 1]) - batch.y[0, row : row + 1]).square().sum()
        expected = torch.autograd.grad(loss, list(model.parameters()))
        assert torch.allclose(found[row], torch.cat([part.flatten() for part in expected]))


def test_own_weights_take_the_place_of_the_networks_and_get_no_gradient():
    model, batch = nn.Linear(3, 1, dtype=DOUBLE), noisy()
    own = {"bias": torch.tensor([7.0], dtype=DOUBLE)}
    found = Probe(model, NUMBERS).row_gradients(batch.x[0], batch.y[0], own)
    residual = batch.x[0] @ model.weight[0] + 7 - batch.y[0, :, 0]
    assert torch.allclose(found, 2 * residual.unsqueeze(1) * batch.x[0])


def test_no_rows_have_no_gradients():
    batch = noisy()
    assert Probe(line(), NUMBERS).row_gradients(batch.x[0, :0], batch.y[0, :0]).shape == (0, 3)


def test_moving_adds_a_direction_and_leaves_the_network():
    model = nn.Linear(2, 1)
    probe = Probe(model, NUMBERS)
    before = {name: value.clone() for name, value in probe.weights.items()}
    moved = probe.moved(torch.tensor([1.0, 2.0, 3.0]))
    assert torch.equal(moved["weight"] - before["weight"], torch.tensor([[1.0, 2.0]]))
    assert torch.allclose(moved["bias"] - before["bias"], torch.tensor([3.0]))
    assert torch.equal(model.weight, before["weight"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: qs.ProtoNet(qs.models.MLP(3, None)),
            r"whose network gives scores\. Found ProtoNet",
        ),
        (lambda: nn.Identity(), "a parameter with requires_grad=True"),
        (
            lambda: qs.MAML(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), 0.1),
            "should not normalise by the rows of a batch",
        ),
    ],
)
def test_a_network_that_cannot_be_a_probe_is_refused(make, message):
    with pytest.raises(qs.UserError, match=message):
        Probe(make(), CLASSES)
