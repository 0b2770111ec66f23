"""Initial weights: their ranges, and that only the seed decides them."""

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models.initialise import initialise

MAKERS = {
    "mlp": lambda seed: qs.models.MLP(seed=seed),
    "conv4": lambda seed: qs.models.Conv4(way=3, channels=4, seed=seed),
    "resnet12": lambda seed: qs.models.ResNet12(3, (2, 3, 4, 5), seed=seed),
    "resnet10": lambda seed: qs.models.ResNet10(3, (2, 3, 4, 5), seed=seed),
    "unet": lambda seed: qs.models.UNet(3, 2, seed=seed),
    "with_head": lambda seed: qs.models.WithHead(nn.Flatten(), 3, embedding_size=4, seed=seed),
    "mixture": lambda seed: qs.models.MixtureOfExperts(qs.models.MLP(4, None), seed=seed),
    "layered": lambda seed: qs.models.LayeredExperts(qs.models.MLP(4, None), seed=seed),
    "stitched": lambda seed: qs.models.CrossStitch(qs.models.MLP(4, None), seed=seed),
    "several": lambda seed: qs.models.MultiTarget(qs.models.MLP(4, None), (0, 2), seed=seed),
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_seed_decides_the_initial_weights(name):
    with torch.random.fork_rng():
        first, again, other = (
            torch.cat([p.flatten() for p in MAKERS[name](seed).parameters()]) for seed in (0, 0, 1)
        )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_both_schemes_have_their_range():
    linear = nn.Linear(100, 400)
    initialise(linear, qs.generator(0, "model"))
    assert linear.weight.abs().max() <= 0.1 and abs(linear.weight.std() - 0.2 / 12**0.5) < 1e-3
    assert linear.bias.abs().max() <= 0.1 and linear.bias.std() > 0.05
    initialise(linear, qs.generator(0, "model"), "truncated_normal")
    assert linear.weight.abs().max() <= 0.02 and (linear.bias == 0).all()
    assert 0.008 < linear.weight.std() < 0.01


def test_the_range_of_a_convolution_is_by_its_fan_in():
    convolution = nn.Conv2d(4, 50, 3, bias=False)
    initialise(convolution, qs.generator(0, "model"))
    assert 0.99 / 6 < convolution.weight.abs().max() <= 1 / 6  # fan-in 36


def test_an_unknown_scheme_is_refused():
    with pytest.raises(qs.UserError, match="`init` should be one of default, truncated_normal"):
        initialise(nn.Linear(2, 2), qs.generator(0, "model"), "zeros")
