"""The linear head, or none."""

import torch
from torch import nn

from quickstudy.models.head import linear_head, scores_or_embeddings


def test_without_outputs_there_is_no_head():
    assert isinstance(linear_head(4, None), nn.Identity)
    assert linear_head(4, 3)(torch.zeros(2, 4)).shape == (2, 3)
    assert (scores_or_embeddings(None), scores_or_embeddings(3)) == ("embeddings", "scores")
