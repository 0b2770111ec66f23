"""The linear head, or none."""

import torch
from torch import nn

from quickstudy.models.head import linear_head, pixel_head, scores_or_embeddings


def test_without_outputs_there_is_no_head():
    assert isinstance(linear_head(4, None), nn.Identity)
    assert linear_head(4, 3)(torch.zeros(2, 4)).shape == (2, 3)
    assert (scores_or_embeddings(None), scores_or_embeddings(3)) == ("embeddings", "scores")


def test_a_head_of_pixels_is_linear_in_each():
    assert isinstance(pixel_head(4, None), nn.Identity)
    head, x = pixel_head(4, 3), torch.arange(48.0).reshape(1, 4, 3, 4)
    expected = x.movedim(1, -1) @ head.weight[:, :, 0, 0].T + head.bias
    torch.testing.assert_close(head(x), expected.movedim(-1, 1))
