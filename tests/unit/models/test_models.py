import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

import quickstudy as qs
from quickstudy.models.initialise import initialise
from quickstudy.models.norm import replace_batch_norm
from tests.laws.battery import close


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: qs.models.MLP(seed=seed),
        lambda seed: qs.models.Conv4(way=3, channels=4, seed=seed),
    ],
)
def test_the_seed_alone_decides_the_initial_weights(make):
    with torch.random.fork_rng():
        first, again, other = (
            torch.cat([p.flatten() for p in make(seed).parameters()]) for seed in (0, 0, 1)
        )
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize(
    ("downsample", "size", "embedding"),
    [("max", 28, 4), ("max", 32, 16), ("stride", 28, 4), ("stride", 84, 4)],
)
def test_conv4_shapes(downsample, size, embedding):
    x = torch.zeros(2, 1, size, size)
    body, network = (
        qs.models.Conv4(way, 4, image_size=size, downsample=downsample) for way in (None, 5)
    )
    assert body.embedding_size == embedding
    assert body(x).shape == (2, embedding)
    assert network(x).shape == (2, 5)


def test_conv4_of_omniglot_has_the_papers_number_of_parameters():
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


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((2, 28, 28), r"Found \[2, 28, 28\]. Add the channel: x\[:, None\]"),
        ((2, 28, 28, 3), "Put the channels first"),
        ((2, 3, 28, 28), "in_channels=1. Found"),
    ],
)
def test_images_of_another_shape_are_refused(shape, advice):
    with pytest.raises(qs.UserError, match=advice):
        qs.models.Conv4()(torch.zeros(shape))


def test_mlp_flattens_and_names_its_parts():
    model = qs.models.MLP(inputs=6, outputs=2, hidden=(5, 4))
    assert model(torch.zeros(3, 2, 3)).shape == (3, 2)
    assert qs.models.MLP(6, None, (5, 4))(torch.zeros(3, 6)).shape == (3, 4)
    assert [tuple(p.shape) for p in model.parameters()] == [
        (5, 6),
        (5,),
        (4, 5),
        (4,),
        (2, 4),
        (2,),
    ]


def test_initial_weights():
    linear = nn.Linear(100, 400)
    initialise(linear, qs.generator(0, "model"))
    assert linear.weight.abs().max() <= 0.1 and abs(linear.weight.std() - 0.2 / 12**0.5) < 1e-3
    initialise(linear, qs.generator(0, "model"), "truncated_normal")
    assert linear.weight.abs().max() <= 0.02 and (linear.bias == 0).all()
    assert 0.008 < linear.weight.std() < 0.01


def test_powers_of_inputs():
    x = torch.tensor([[[2.0, -3.0]], [[0.5, 9.0]]])
    model = qs.models.Powers(2, degree=3)
    assert (
        model(x).tolist() == [[2, -3, 4, 9, 8, -27], [0.5, 4, 0.25, 16, 0.125, 64]]
        and model.embedding_size == 6
    )
    for arguments, name in (((0,), "inputs"), ((2, 0), "degree")):
        with pytest.raises(qs.UserError, match=f"`{name}` should be at least 1. Found {name}=0."):
            qs.models.Powers(*arguments)


def test_a_wider_last_block():
    model = qs.models.Conv4(5, channels=4, last_channels=7)
    assert model.embedding_size == model.feature_channels == 7 and model(
        torch.zeros(2, 1, 28, 28)
    ).shape == (2, 5)
    assert qs.models.Conv4(None, channels=4).feature_channels == 4
