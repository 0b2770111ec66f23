"""What residual networks have in common."""

import pytest
import torch

import quickstudy as qs
from quickstudy.models.resnet import ResNet, check_widths

NETS = [qs.models.ResNet12, qs.models.ResNet10]
SMALL = (2, 3, 4, 5)


@pytest.mark.parametrize("net", NETS)
def test_shapes_and_what_a_network_says(net):
    assert issubclass(net, ResNet)
    scores, embeddings = net(4, SMALL, in_channels=1), net(None, SMALL, in_channels=1)
    x = torch.zeros(2, 1, 37, 50)
    assert scores(x).shape == (2, 4) and embeddings(x).shape == (2, 5)
    assert (scores.gives, embeddings.gives) == ("scores", "embeddings")
    assert scores.embedding_size == scores.feature_channels == 5


@pytest.mark.parametrize("net", NETS)
def test_an_embedding_is_the_mean_of_the_maps(net):
    x = torch.randn(2, 3, 40, 40, generator=qs.generator(0, "x"))
    maps, embeddings = net(None, SMALL, maps=True).eval(), net(None, SMALL).eval()
    assert maps.gives == "maps" and maps(x).ndim == 4
    torch.testing.assert_close(maps(x).mean((2, 3)), embeddings(x))


@pytest.mark.parametrize("net", NETS)
def test_wrong_arguments_are_refused(net):
    with pytest.raises(qs.UserError, match="`maps` goes with way=None only"):
        net(5, SMALL, maps=True)
    with pytest.raises(qs.UserError, match="`widths` should be four numbers of at least 1"):
        net(5, (2, 3, 4))
    with pytest.raises(qs.UserError, match="in_channels=3"):
        net(5, SMALL)(torch.zeros(2, 1, 32, 32))


def test_widths():
    check_widths((1, 2, 3, 4))
    with pytest.raises(qs.UserError, match=r"Found \(1, 2, 0, 4\)"):
        check_widths((1, 2, 0, 4))
