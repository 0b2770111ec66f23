"""Cross-stitch networks, against the same written out."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models import CrossStitch
from tests.unit.models.structures import draw, images, vectors


def test_stitches_are_learned_after_every_layer_but_the_last():
    numbers = [len(CrossStitch(trunk, num_columns=2).stitches) for trunk in (vectors(), images())]
    assert numbers == [1, 3]
    x, model = draw(2, 4), CrossStitch(vectors(), None, num_columns=2)
    with torch.no_grad():
        model.stitches[0].copy_(torch.tensor([[0.0, 1.0], [2.0, 0.0]]))
        model.reading.copy_(torch.tensor([1.0, -1.0]))
    one, two = (column.features for column in model.columns)
    torch.testing.assert_close(model(x), one[3:](two[:3](x)) - two[3:](2 * one[:3](x)))


def test_a_stitch_starts_with_the_share_that_is_kept():
    model = CrossStitch(vectors(), num_columns=3, keep=0.8)
    expected = torch.full((3, 3), 0.1).fill_diagonal_(0.8)
    torch.testing.assert_close(model.stitches[0].data, expected)
    torch.testing.assert_close(model.reading.data, torch.full((3,), 1 / 3))
    starts = model.reading + model.own_offsets(4)["reading"]
    torch.testing.assert_close(starts, expected[[0, 1, 2, 0]])


def test_one_column_is_the_trunk():
    trunk, x = vectors(), draw(2, 4)
    torch.testing.assert_close(CrossStitch(trunk, None, num_columns=1)(x), trunk(x))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_columns": 0}, "`num_columns` should be at least 1. Found num_columns=0."),
        ({"keep": 1.5}, "`keep` should be from 0 to 1. Found keep=1.5."),
        ({"trunk": qs.models.MLP(4, 2)}, r"`trunk` should give embeddings: .* Found MLP"),
        (
            {"trunk": nn.Linear(4, 6), "embedding_size": 6},
            "should be an nn.Sequential, or a network that holds one",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        CrossStitch(**{"trunk": vectors(), **arguments})
