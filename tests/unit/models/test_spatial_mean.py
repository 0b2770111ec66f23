"""The mean over space, mapped too."""

import torch
from torch.func import vmap

import quickstudy as qs
from quickstudy.models.spatial_mean import SpatialMean


def test_it_is_the_mean_of_every_map():
    x = torch.randn(3, 2, 4, 5, 6, generator=qs.generator(0, "x"))
    torch.testing.assert_close(SpatialMean()(x[0]), x[0].flatten(2).sum(2) / 30)
    torch.testing.assert_close(vmap(SpatialMean())(x), x.mean((3, 4)))
