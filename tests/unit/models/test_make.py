"""A model by name, sized to the data, tried, loaded and frozen."""

import sys

import pytest
import torch
from torch import nn

import quickstudy as qs
from quickstudy.models import MODELS, Frozen, WithHead, make_model, traits
from tests.unit.models import nets
from tests.unit.models.structures import SIZED, SMALL

HERE = "tests.unit.models.nets"


def test_the_table_is_complete():
    assert set(SIZED) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_the_registry_is_sized_to_the_data(name):
    options, shape = SIZED[name]
    gives = "dense_scores" if name == "unet" else "scores"
    model = make_model(name, shape, 3, gives, seed=4, **options)
    space = shape[1:] if name == "unet" else ()
    assert model.training and model(torch.zeros(5, *shape)).shape == (5, 3, *space)
    assert traits(model).gives == gives and traits(model).outputs == 3


@pytest.mark.parametrize("name", [n for n in MODELS if "embeddings" in traits(MODELS[n]).can_give])
def test_every_embedding_has_the_length_it_says(name):
    options, shape = SIZED[name]
    model = make_model(name, shape, gives="embeddings", **options)
    assert model(torch.zeros(5, *shape)).flatten(1).shape == (5, traits(model).embedding_size)


@pytest.mark.parametrize("name", ["conv4", "resnet10", "resnet12", "unet"])
def test_maps_have_the_channels_they_say(name):
    options, shape = SIZED[name]
    model = make_model(name, shape, gives="maps", **options)
    assert model(torch.zeros(5, *shape)).shape[:2] == (5, traits(model).feature_channels)


def test_the_seed_decides_whatever_the_global_generator_holds():
    weights = []
    for ambient, seed in ((0, 1), (1, 1), (0, 2)):
        with torch.random.fork_rng():
            torch.manual_seed(ambient)
            weights.append(make_model(f"{HERE}:Net", (3, 8, 8), 5, seed=seed).head.weight)
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_making_a_model_draws_nothing_of_the_global_generator():
    before = torch.get_rng_state()
    make_model(f"{HERE}:Silent", (3, 8, 8), 5)
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_of_a_users_own():
    model = make_model(f"{HERE}:Net", (3, 9, 8), 5, width=6)
    assert isinstance(model, nets.Net) and model.body[0].weight.shape == (6, 3, 3, 3)
    assert all(part.training for part in model.modules())
    embedding = make_model(f"{HERE}:Net", (3, 9, 8), gives="embeddings", width=6)
    assert embedding.embedding_size == 6  # told, since it does not say
    assert isinstance(make_model(f"{HERE}:function", (1, 8, 8), 5), nets.Net)
    assert isinstance(make_model(f"{HERE}:Silent", (3, 2), 5), nets.Silent)


def test_a_backbone_gets_a_head():
    model = make_model(f"{HERE}:Backbone", (3, 8, 8), 5)
    assert isinstance(model, WithHead) and model.head.weight.shape == (5, 6)
    maps = make_model(f"{HERE}:Pixelwise", (2, 8, 9), 4, "dense_scores")
    assert isinstance(maps, WithHead) and maps(torch.zeros(1, 2, 5, 5)).shape == (1, 4, 5, 5)
    assert isinstance(make_model("powers", (3,), 2), WithHead)


def test_an_example_may_be_given_itself():
    model = make_model(f"{HERE}:Tokens", torch.tensor([1, 2, 9]), 5)
    assert model(torch.zeros(2, 3, dtype=torch.long)).shape == (2, 5)


@pytest.mark.parametrize("name", ["conv4", f"{HERE}:Net", f"{HERE}:Backbone", f"{HERE}:Silent"])
def test_a_frozen_network_gets_a_head_that_learns(name):
    model = make_model(name, (3, 28, 28), 5, frozen=True)
    assert isinstance(model, WithHead) and isinstance(model.trunk, Frozen)
    learned = [n for n, p in model.named_parameters() if p.requires_grad]
    assert learned == ["head.weight", "head.bias"]
    embedding = make_model(name, (3, 28, 28), gives="embeddings", frozen=True)
    assert not any(p.requires_grad for p in embedding.parameters())


def test_a_frozen_network_of_pixels():
    model = make_model("unet", (3, 8, 8), 4, "dense_scores", frozen=True, channels=2)
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        "head.weight",
        "head.bias",
    ]
    assert model(torch.zeros(2, 3, 9, 7)).shape == (2, 4, 9, 7)


@pytest.mark.parametrize("frozen", [False, True])
def test_weights_of_another_task(frozen, tmp_path):
    other = make_model("resnet12", (3, 16, 16), 64, seed=1, **SMALL)
    torch.save(other.state_dict(), tmp_path / "weights.pt")
    model = make_model(
        "resnet12", (3, 16, 16), 5, weights=tmp_path / "weights.pt", frozen=frozen, **SMALL
    )
    blocks = model.trunk.trunk.blocks if frozen else model.blocks
    assert all(map(torch.equal, blocks.parameters(), other.blocks.parameters()))
    assert model.head.weight.shape == (5, 5)


def test_a_backbone_of_timm(monkeypatch):
    class Timm:
        is_model = staticmethod(lambda name: name == "resnet18")

        @staticmethod
        def create_model(name, pretrained, in_chans, num_classes):
            assert not pretrained
            return nets.Net(num_classes or None, in_chans, width=8)

    monkeypatch.setitem(sys.modules, "timm", Timm)
    model = make_model("resnet18", (1, 8, 8), 5)
    assert model.head.weight.shape == (5, 8)
    assert make_model("resnet18", (3, 8, 8), gives="embeddings").embedding_size == 8


MISMATCHES = {
    "no_model": (("conv5", (1, 28, 28), 5), "`model` should be one of conv4, "),
    "vectors": (
        ("conv4", (7,), 5),
        r"examples of shape \[7\]. Found conv4: it takes images \[channel, height, width\]",
    ),
    "oblong": (("conv4", (3, 28, 32), 5), "Found conv4: it takes images of 28 × 28 pixels"),
    "small": (("conv4", (3, 8, 8), 5), "`image_size` should be at least 16. Found image_size=8"),
    "no_outputs": (("conv4", (1, 28, 28)), "`outputs` should be at least 1 for scores. Found None"),
    "not_dense": (
        ("unet", (3, 8, 8), 5),
        "should give scores. Found unet, which gives dense_scores or maps.",
    ),
    "not_whole": (
        ("conv4", (1, 28, 28), 5, "dense_scores"),
        r"should give dense_scores \[2, 5, 28, 28\] for 2 examples .* gives \[2, 5, 7, 7\]",
    ),
    "targets": (("multi_target", (7,), 3), "Model multi_target needs a value for targets"),
    "fixed": (
        (f"{HERE}:Silent", (3, 2), 4),
        r"should give scores \[2, 4\] .* gives \[2, 5\]. If these are embeddings, the model says",
    ),
    "swapped": ((f"{HERE}:Swapped", (3,), 4), r"scores \[2, 4\] .* which gives \[4, 2\]"),
    "named": ((f"{HERE}:Named", (3,), 4), "which gives dict"),
    "no_module": ((f"{HERE}:no_module", (3,), 4), "should be an nn.Module. Found dict"),
    "fails": (
        (f"{HERE}:Backbone", (1, 8, 8), 5),
        r"examples of shape \[1, 8, 8\]. Found .*:Backbone, which fails on them: Given groups=1",
    ),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_mismatch_is_one_clear_line(name):
    arguments, message = MISMATCHES[name]
    with pytest.raises(qs.UserError, match=message) as error:
        make_model(*arguments)
    assert "\n" not in str(error.value)


def test_wrong_options_are_refused():
    with pytest.raises(qs.UserError, match=r"model conv4 should be among way, .* width\."):
        make_model("conv4", (1, 28, 28), 5, width=3)
    with pytest.raises(qs.UserError, match=r"Model .*:Net cannot be made with .*'width': -1"):
        make_model(f"{HERE}:Net", (1, 28, 28), 5, width=-1)
    with pytest.raises(qs.UserError, match=r"dense_scores \[2, 4, 9, 9\] .* \[2, 4, 5, 5\]"):
        make_model(f"{HERE}:Pixelwise", (3, 9, 9), 4, "dense_scores", stride=2)


def test_options_win_over_what_is_filled():
    model = make_model("resnet12", (3, 32, 32), 5, image_size=None, **SMALL)
    assert model.image_size is None and isinstance(model, nn.Module)
