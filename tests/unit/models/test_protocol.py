"""What a model says of itself, and that a layer of the same name is not mistaken for it."""

import pytest
import torch
from torch import Tensor, nn

import quickstudy as qs
from quickstudy.models import MODELS, Traits, traits
from quickstudy.models.protocol import own_offsets


class Odd(nn.Module):
    """Its attributes have the names of traits and other types."""

    outputs: nn.Module
    own = "head"
    embedding_size = True
    inputs = 3.0

    def __init__(self) -> None:
        super().__init__()
        self.outputs = nn.Linear(3, 2)
        self.takes = nn.Linear(3, 2)


class Says(nn.Module):
    """A user's own network with all that it may say."""

    takes, in_channels, image_size = "images", 3, 32
    gives, way, embedding_size, feature_channels = "scores", 5, 8, 4
    own = ["head"]  # noqa: RUF012 (a user's list, not ours)

    def own_offsets(self, num_tasks: int) -> dict[str, Tensor]:
        return {"head": torch.ones(num_tasks, 2)}


def test_a_module_that_says_nothing():
    assert traits(nn.Linear(3, 2)) == Traits()
    assert own_offsets(nn.Linear(3, 2), 4) == {}


def test_values_of_another_type_count_as_absent():
    assert traits(Odd()) == Traits()


def test_a_module_that_says_everything():
    expected = Traits(
        takes="images", in_channels=3, image_size=32, gives="scores", outputs=5,
        embedding_size=8, feature_channels=4, own=("head",),
    )  # fmt: skip
    assert traits(Says()) == expected
    assert own_offsets(Says(), 3)["head"].shape == (3, 2)


def test_a_model_takes_what_its_trunk_takes():
    trunk = qs.models.Conv4(None, in_channels=3, image_size=32)
    for model in (
        qs.models.MixtureOfExperts(trunk),
        qs.models.LayeredExperts(trunk),
        qs.models.CrossStitch(trunk),
        qs.models.MultiTarget(trunk, (0, 2)),
        qs.models.WithHead(qs.models.Frozen(trunk), 2),
    ):
        said = traits(model)
        assert (said.takes, said.in_channels, said.image_size) == ("images", 3, 32)
        assert (said.gives, said.embedding_size) == ("scores", 256)


@pytest.mark.parametrize("name", MODELS)
def test_every_class_says_what_it_can_give(name):
    assert traits(MODELS[name]).can_give


@pytest.mark.parametrize(
    ("said", "shape", "reason"),
    [
        (Traits(takes="images"), (5,), "it takes images [channel, height, width]"),
        (Traits(takes="images", in_channels=3), (1, 8, 8), "it takes images of 3 channels"),
        (
            Traits(takes="images", in_channels=1, image_size=28),
            (1, 28, 32),
            "it takes images of 28 × 28 pixels",
        ),
        (Traits(takes="images", in_channels=1, image_size=28), (1, 28, 28), None),
        (Traits(takes="vectors", inputs=6), (5,), "it takes 6 numbers"),
        (Traits(takes="vectors", inputs=6), (2, 3), None),
        (Traits(), (2, 3), None),
    ],
)
def test_refusals(said, shape, reason):
    assert said.refusal(shape) == reason
