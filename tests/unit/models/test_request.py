"""A request: the arguments that it fills, and the outputs that it accepts."""

import pytest
import torch

import quickstudy as qs
from quickstudy.models import Traits
from quickstudy.models.request import FILLED, Request


def request(gives="scores", outputs=5, shape=(3, 8, 8)) -> Request:
    return Request("net", shape, outputs, gives, seed=2)


def test_arguments_of_square_images():
    expected = {
        "way": 5, "outputs": 5, "num_classes": 5, "out_features": 5,
        "in_channels": 3, "in_chans": 3, "image_size": 8, "img_size": 8,
        "inputs": 192, "in_features": 192, "maps": False, "seed": 2,
    }  # fmt: skip
    assert request().arguments() == expected
    assert set(expected) == FILLED


def test_arguments_of_other_examples():
    oblong, vector = request(shape=(3, 8, 9)).arguments(), request(shape=(7,)).arguments()
    assert "image_size" not in oblong and oblong["in_channels"] == 3
    assert "in_channels" not in vector and vector["inputs"] == 7


@pytest.mark.parametrize("gives", ["embeddings", "maps"])
def test_without_scores_there_are_no_outputs(gives):
    arguments = request(gives).arguments()
    assert (arguments["way"], arguments["num_classes"]) == (None, 0)
    assert arguments["maps"] == (gives == "maps")


def test_below_a_head_there_are_embeddings_or_maps():
    assert request().below == request("embeddings", None)
    assert request("dense_scores").below == request("maps", None)
    assert request("maps", None).below == request("maps", None)


@pytest.mark.parametrize(
    ("gives", "trunk"),
    [
        ("scores", "embeddings"),
        ("embeddings", "embeddings"),
        ("dense_scores", "maps"),
        ("maps", "maps"),
    ],
)
def test_the_trunk_of_a_model_gives_what_is_below_a_head(gives, trunk):
    assert request(gives).trunk_gives == trunk
    assert (request().trunk_name, request(shape=(7,)).trunk_name) == ("conv4", "mlp")


def test_the_number_of_scores():
    assert (request().num_scores, request("embeddings", None).num_scores) == (5, 0)


GOOD = {
    "scores": [(2, 5)],
    "embeddings": [(2, 7), (2, 7, 1, 1), (2, 5)],
    "maps": [(2, 7, 3, 2)],
    "dense_scores": [(2, 5, 8, 8)],
}
BAD = {
    "scores": [(5, 2), (2, 4), (2,), (2, 5, 1), (5,)],
    "embeddings": [(3, 7), (2,), (2, 0)],
    "maps": [(2, 7), (2, 0, 3, 3), (1, 7, 3, 2)],
    "dense_scores": [(2, 5), (2, 5, 4, 4), (2, 4, 8, 8)],
}


@pytest.mark.parametrize(("gives", "shape"), [(g, s) for g, shapes in GOOD.items() for s in shapes])
def test_outputs_that_fit(gives, shape):
    request(gives).check_output(torch.zeros(shape), 2)


@pytest.mark.parametrize(("gives", "shape"), [(g, s) for g, shapes in BAD.items() for s in shapes])
def test_outputs_that_do_not_fit(gives, shape):
    with pytest.raises(qs.UserError, match=f"`model` should give {gives} .* Found net, which"):
        request(gives).check_output(torch.zeros(shape), 2)


def test_an_output_that_is_no_tensor():
    with pytest.raises(qs.UserError, match="Found net, which gives dict"):
        request().check_output({"logits": torch.zeros(2, 5)}, 2)


def test_requests_that_make_no_sense():
    with pytest.raises(qs.UserError, match="`gives` should be one of scores, dense_scores, "):
        request("logits").check()
    with pytest.raises(qs.UserError, match="`outputs` should be at least 1 for scores"):
        request(outputs=None).check()
    request("embeddings", None).check()


def test_what_a_model_says_is_compared():
    only_maps = Traits(can_give=("dense_scores", "maps"))
    with pytest.raises(qs.UserError, match="Found net, which gives dense_scores or maps"):
        request().check_said(only_maps)
    request("dense_scores").check_said(only_maps)
    request().check_said(Traits(can_give=("embeddings",)))  # a head will do
    with pytest.raises(qs.UserError, match="Found net: it takes images of 1 channels"):
        request().check_said(Traits(takes="images", in_channels=1))
