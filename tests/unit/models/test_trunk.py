"""Trunks: their lengths, their copies, and the gates on their inputs."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models.trunk import Gate, copies, embedding_size_of, gate_for, mix, outputs_of
from tests.unit.models.structures import draw, images, own, trunks, vectors


def test_the_length_of_embeddings():
    assert embedding_size_of(vectors(), None) == 5 and embedding_size_of(vectors(), 7) == 7
    with pytest.raises(qs.UserError, match="`embedding_size` is needed"):
        embedding_size_of(own(), None)


@trunks
def test_copies_are_the_trunk_and_others_of_its_form_drawn_afresh(trunk):
    given = trunk()
    made = copies(given, 3, seed=0)
    assert made[0] is given and len(made) == 3
    assert all(map(torch.equal, given.parameters(), trunk().parameters()))
    first, second, third = (torch.cat([p.flatten() for p in m.parameters()]) for m in made)
    assert not torch.equal(first, second) and not torch.equal(second, third)
    assert len(first) == len(second)
    if trunk is vectors:
        assert second.abs().max() <= 0.02  # by the scheme of the trunk


def test_a_gate_sees_the_example_and_images_on_a_grid():
    x, gate = draw(2, 4), gate_for(vectors(), 3, None)
    expected = torch.softmax(x @ gate.linear.weight.T + gate.linear.bias, 1)
    torch.testing.assert_close(gate(x), expected)
    x, gate = draw(2, 1, 16, 16), gate_for(images(), 3, None)
    seen = x.reshape(2, 4, 4, 4, 4).mean((2, 4)).flatten(1)
    expected = torch.softmax(seen @ gate.linear.weight.T + gate.linear.bias, 1)
    torch.testing.assert_close(gate(x), expected)


def test_a_given_length_wins_and_a_wrapped_trunk_is_asked():
    assert gate_for(images(), 2, 256).inputs == 256
    stitched = qs.models.CrossStitch(vectors(), None)
    assert gate_for(stitched, 2, None).inputs == 4
    with pytest.raises(qs.UserError, match="`gate_inputs`, the length of a flattened input"):
        gate_for(own(), 2, None)


def test_mixing_by_hand():
    shares, given = torch.tensor([[0.25, 0.75]]), [torch.ones(1, 2, 2), torch.zeros(1, 2, 2)]
    assert torch.equal(mix(shares, given), torch.full((1, 2, 2), 0.25))


def test_every_expert_sees_the_example():
    first, second = outputs_of([nn.Flatten(), nn.Tanh()], draw(2, 4))
    assert torch.equal(first, draw(2, 4)) and torch.equal(second, draw(2, 4).tanh())


def test_shares_sum_to_one():
    torch.testing.assert_close(Gate(4, 3)(draw(5, 4)).sum(1), torch.ones(5))


@pytest.mark.parametrize(
    "headed",
    [qs.models.MLP(4, 2), qs.models.UNet(2, 2), qs.models.WithHead(nn.Tanh(), 2, False, 4)],
)
def test_a_trunk_with_a_head_is_refused(headed):
    with pytest.raises(qs.UserError, match=r"`trunk` should give embeddings: .* with a head\."):
        copies(headed, 2, 0)
