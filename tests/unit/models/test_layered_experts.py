"""Layered experts, against the same written out."""

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.models import LayeredExperts, MixtureOfExperts
from tests.unit.models.structures import SHAPES, draw, own, trunks, vectors


@trunks
def test_one_layer_without_task_experts_is_a_mixture_of_experts(trunk):
    layered = LayeredExperts(
        trunk(), 3, num_shared_experts=3, num_task_experts=0, num_layers=1, seed=2
    ).eval()
    mixed, x = MixtureOfExperts(trunk(), 3, num_experts=3, seed=2).eval(), draw(2, *SHAPES[trunk])
    torch.testing.assert_close(layered(x), mixed(x))
    assert len(list(layered.parameters())) == len(list(mixed.parameters()))
    assert layered.own == ("layers.0.task_gate", "head")


def weighted(gate: nn.Module, seen: Tensor, experts: list[Tensor]) -> Tensor:
    shares = torch.softmax(gate.linear(seen), 1)
    return sum(shares[:, i : i + 1] * expert for i, expert in enumerate(experts))


def test_two_layers_written_out():
    model, x = LayeredExperts(own(), 3, 2, 2, embedding_size=6, gate_inputs=4), draw(2, 4)
    first, second = model.layers
    task = [expert(x) for expert in first.task_experts]
    shared = [expert(x) for expert in first.shared_experts]
    by_task = weighted(first.task_gate, x, task + shared)
    by_all = weighted(first.shared_gate, x, shared)
    experts = [expert(by_task) for expert in second.task_experts]
    experts += [expert(by_all) for expert in second.shared_experts]
    torch.testing.assert_close(model(x), model.head(weighted(second.task_gate, by_task, experts)))
    assert second.shared_gate is None and second.task_experts[0](x.new_ones(1, 6)).min() >= 0


def test_without_outputs_it_gives_an_embedding():
    model = LayeredExperts(vectors(), None)
    assert model(draw(2, 4)).shape == (2, model.embedding_size)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_shared_experts": 0}, "`num_shared_experts` should be at least 1. Found"),
        ({"num_task_experts": -1}, "`num_task_experts` should be at least 0. Found"),
        ({"num_layers": 0}, "`num_layers` should be at least 1. Found num_layers=0."),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        LayeredExperts(vectors(), **arguments)
