"""Conv4: shapes, the paper's number of parameters, and the convolution mapped over tasks."""

import pytest
import torch
from torch.func import functional_call, vmap

import quickstudy as qs
from quickstudy.models.norm import replace_batch_norm
from tests.laws.battery import close


@pytest.mark.parametrize(
    ("downsample", "size", "embedding"),
    [("max", 28, 4), ("max", 32, 16), ("stride", 28, 4), ("stride", 84, 4)],
)
def test_shapes(downsample, size, embedding):
    x = torch.zeros(2, 1, size, size)
    body, network = (
        qs.models.Conv4(way, 4, image_size=size, downsample=downsample) for way in (None, 5)
    )
    assert body.embedding_size == embedding
    assert body(x).shape == (2, embedding)
    assert network(x).shape == (2, 5)
    assert (body.gives, network.gives) == ("embeddings", "scores")


@pytest.mark.parametrize("size", [28, 33])
def test_feature_maps(size):
    model = qs.models.Conv4(None, 4, image_size=size, maps=True)
    assert model(torch.zeros(2, 1, size, size)).shape == (2, 4, size // 4, size // 4)
    assert model.gives == "maps"


def test_omniglot_has_the_papers_number_of_parameters():
    # 3x3 convolutions 1 -> 64 -> 64 -> 64 -> 64 with biases and batch norms, and 64 -> 5
    expected = (9 * 64 + 64) + 3 * (9 * 64 * 64 + 64) + 4 * 2 * 64 + 64 * 5 + 5
    assert sum(p.numel() for p in qs.models.Conv4(way=5).parameters()) == expected


@pytest.mark.parametrize("downsample", ["max", "stride"])
@pytest.mark.parametrize("size", [16, 17, 28])
def test_mapped_over_tasks_a_convolution_is_the_same(downsample, size):
    model = replace_batch_norm(
        qs.models.Conv4(way=3, channels=2, image_size=size, downsample=downsample)
    ).double()
    generator = qs.generator(0, "mapped")
    weights = {
        n: p.detach() + 0.1 * torch.randn(3, *p.shape, generator=generator, dtype=p.dtype)
        for n, p in model.named_parameters()
    }
    x = torch.randn(3, 4, 1, size, size, generator=generator, dtype=torch.float64)
    mapped = vmap(lambda own, inputs: functional_call(model, own, (inputs,)))(weights, x)
    alone = [
        functional_call(model, {name: value[task] for name, value in weights.items()}, (x[task],))
        for task in range(3)
    ]
    close(mapped, torch.stack(alone))


def test_a_wider_last_block():
    model = qs.models.Conv4(5, channels=4, last_channels=7)
    assert model.embedding_size == model.feature_channels == 7
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 5)
    assert qs.models.Conv4(None, channels=4).feature_channels == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"downsample": "mean"}, "`downsample` should be 'max' or 'stride'. Found 'mean'."),
        ({"image_size": 15}, "`image_size` should be at least 16. Found image_size=15."),
        ({"maps": True, "way": 5}, "`maps` goes with way=None and downsample='max' only."),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(qs.UserError, match=message):
        qs.models.Conv4(**arguments)
