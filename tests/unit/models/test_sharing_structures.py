"""Mixtures of experts, layered experts and cross-stitch networks, against the same written out."""

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.models import CrossStitch, LayeredExperts, MixtureOfExperts


def vectors() -> nn.Module:
    return qs.models.MLP(4, None, hidden=(6, 5), init="truncated_normal")


def images() -> nn.Module:
    return qs.models.Conv4(None, channels=2, image_size=16)


def own() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh())


SHAPES = {vectors: (4,), images: (1, 16, 16)}
trunks = pytest.mark.parametrize("trunk", SHAPES, ids=lambda trunk: trunk.__name__)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=qs.generator(0, "test"))


@trunks
def test_a_gate_that_weighs_alike_gives_the_mean_of_the_experts(trunk):
    model, x = MixtureOfExperts(trunk(), 3, num_experts=3).eval(), draw(2, *SHAPES[trunk])
    nn.init.zeros_(model.gate.linear.weight)
    nn.init.zeros_(model.gate.linear.bias)
    torch.testing.assert_close(
        model(x), model.head(torch.stack([expert(x) for expert in model.experts]).mean(0))
    )


def test_a_gate_sees_the_example_and_images_on_a_grid():
    x = draw(2, 4)
    gate = MixtureOfExperts(vectors(), num_experts=3).gate
    torch.testing.assert_close(
        gate(x), torch.softmax(x @ gate.linear.weight.T + gate.linear.bias, 1)
    )
    gate, x = MixtureOfExperts(images(), num_experts=3).gate, draw(2, 1, 16, 16)
    seen = x.reshape(2, 4, 4, 4, 4).mean((2, 4)).flatten(1)
    torch.testing.assert_close(
        gate(x), torch.softmax(seen @ gate.linear.weight.T + gate.linear.bias, 1)
    )


@trunks
def test_experts_are_the_trunk_and_others_of_its_form_drawn_afresh(trunk):
    given = trunk()
    model = MixtureOfExperts(given, num_experts=3)
    assert model.trunk is given and all(
        torch.equal(a, b) for a, b in zip(given.parameters(), trunk().parameters(), strict=True)
    )
    first, second, third = (
        torch.cat([p.flatten() for p in expert.parameters()]) for expert in model.experts
    )
    assert (
        not torch.equal(first, second)
        and not torch.equal(second, third)
        and len(first) == len(second)
    )
    if trunk is vectors:
        assert second.abs().max() <= 0.02  # by the scheme of the trunk


@pytest.mark.parametrize("kind", [MixtureOfExperts, LayeredExperts, CrossStitch])
def test_the_seed_alone_decides_the_initial_weights(kind):
    with torch.random.fork_rng():
        first, again, other = (
            torch.cat([p.flatten() for p in kind(vectors(), seed=seed).parameters()])
            for seed in (0, 0, 1)
        )
    assert torch.equal(first, again) and not torch.equal(first, other)


@trunks
def test_one_layer_without_task_experts_is_a_mixture_of_experts(trunk):
    layered = LayeredExperts(
        trunk(), 3, num_shared_experts=3, num_task_experts=0, num_layers=1, seed=2
    ).eval()
    mixed, x = MixtureOfExperts(trunk(), 3, num_experts=3, seed=2).eval(), draw(2, *SHAPES[trunk])
    torch.testing.assert_close(layered(x), mixed(x))
    assert len(list(layered.parameters())) == len(list(mixed.parameters())) and layered.own == (
        "layers.0.task_gate",
        "head",
    )


def test_two_layers_written_out():
    model, x = LayeredExperts(own(), 3, 2, 2, embedding_size=6, gate_inputs=4), draw(2, 4)
    first, second = model.layers

    def weighted(gate: nn.Module, seen: Tensor, experts: list[Tensor]) -> Tensor:
        shares = torch.softmax(gate.linear(seen), 1)
        return sum(shares[:, i : i + 1] * expert for i, expert in enumerate(experts))

    task, shared = (
        [expert(x) for expert in first.task_experts],
        [expert(x) for expert in first.shared_experts],
    )
    by_task, by_all = (
        weighted(first.task_gate, x, task + shared),
        weighted(first.shared_gate, x, shared),
    )
    experts = [expert(by_task) for expert in second.task_experts] + [
        expert(by_all) for expert in second.shared_experts
    ]
    torch.testing.assert_close(model(x), model.head(weighted(second.task_gate, by_task, experts)))
    assert second.shared_gate is None and second.task_experts[0](x.new_ones(1, 6)).min() >= 0


def test_stitches_are_learned_after_every_layer_but_the_last():
    assert [len(CrossStitch(trunk, num_columns=2).stitches) for trunk in (vectors(), images())] == [
        1,
        3,
    ]
    x, model = draw(2, 4), CrossStitch(vectors(), None, num_columns=2)
    with torch.no_grad():
        model.stitches[0].copy_(torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
        model.reading.copy_(torch.tensor([1.0, -1.0]))
    one, two = (column.features for column in model.columns)
    torch.testing.assert_close(model(x), one[3:](two[:3](x)) - two[3:](2 * one[:3](x)))


def test_what_they_give_without_outputs_is_an_embedding():
    for kind in (MixtureOfExperts, LayeredExperts, CrossStitch):
        model = kind(vectors(), None)
        assert model(draw(2, 4)).shape == (2, model.embedding_size)
    nested = MixtureOfExperts(CrossStitch(vectors(), None), 3, gate_inputs=4)
    assert nested(draw(2, 4)).shape == (2, 3)


ERRORS = {
    "num_experts": (
        lambda: MixtureOfExperts(vectors(), num_experts=0),
        "`num_experts` should be at least 1. Found num_experts=0.",
    ),
    "num_shared": (
        lambda: LayeredExperts(vectors(), num_shared_experts=0),
        "`num_shared_experts` should be at least 1. Found",
    ),
    "num_task": (
        lambda: LayeredExperts(vectors(), num_task_experts=-1),
        "`num_task_experts` should be at least 0. Found",
    ),
    "num_columns": (
        lambda: CrossStitch(vectors(), num_columns=0),
        "`num_columns` should be at least 1. Found num_columns=0.",
    ),
    "keep": (
        lambda: CrossStitch(vectors(), keep=1.5),
        "`keep` should be from 0 to 1. Found keep=1.5.",
    ),
    "embedding_size": (
        lambda: MixtureOfExperts(own(), gate_inputs=4),
        "`embedding_size` is needed",
    ),
    "gate_inputs": (
        lambda: MixtureOfExperts(own(), embedding_size=6),
        "`gate_inputs`, the length of a flattened input, is needed",
    ),
    "head": (
        lambda: LayeredExperts(qs.models.MLP(4, 2)),
        "`trunk` should give embeddings: MLP(outputs=None), Conv4(way=None). Found MLP",
    ),
    "form": (
        lambda: CrossStitch(nn.Linear(4, 6), embedding_size=6),
        "should be an nn.Sequential, or a network that holds one",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    make, message = ERRORS[name]
    with pytest.raises(qs.UserError) as error:
        make()
    assert message in str(error.value)
