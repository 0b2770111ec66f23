"""The set encoder by hand."""

import torch

import quickstudy as qs
from quickstudy.learners.set_encoder import SetEncoder
from tests.laws.battery import close


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(
        *shape, dtype=torch.float64, generator=qs.generator(len(shape), "generators")
    )


def test_the_encoder_is_a_sum_by_hand_and_nothing_is_the_embedding_of_no_examples():
    encoder, features, targets = SetEncoder(3, 2, 4, 8).double(), draw(2, 5, 3), draw(2, 5, 2)
    mask = torch.tensor([[1.0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=torch.float64)
    found = encoder(features, targets, mask.unsqueeze(-1))
    real = [0, 1, 3]
    inside = encoder.example(
        encoder.of_features(features[0, real]) + encoder.of_targets(targets[0, real])
    )
    close(found[0], encoder.group(inside.sum(0) / 4))
    assert (found[1] == 0).all()


def test_neither_the_order_of_examples_nor_of_groups_matters():
    encoder, features = SetEncoder(3, 2, 4, 8).double(), draw(1, 5, 3)
    groups = torch.nn.functional.one_hot(torch.tensor([[0, 1, 2, 0, 1]]), 3).double()
    order = [3, 1, 4, 0, 2]
    found = encoder(features, None, groups)
    close(encoder(features[:, order], None, groups[:, order]), found)
    close(encoder(features, None, groups.flip(2)), found)
    assert found.abs().min() > 0
