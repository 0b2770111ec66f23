"""The check of images says how to bring them into shape."""

import pytest
import torch

import quickstudy as qs
from quickstudy.models.images import check_images


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((2, 28, 28), r"Found \[2, 28, 28\]. Add the channel: x\[:, None\]"),
        ((2, 28, 28, 1), "in_channels=1. Found .* Put the channels first"),
        ((2, 28, 28, 3), "Put the channels first"),
        ((2, 3, 28, 28), "in_channels=1. Found .* parameter `in_channels` says how many"),
    ],
)
@pytest.mark.parametrize("check", [lambda x: check_images(x, 1), qs.models.Conv4()])
def test_images_of_another_shape_are_refused(check, shape, advice):
    with pytest.raises(qs.UserError, match=advice):
        check(torch.zeros(shape))


def test_without_a_channel_of_three_there_is_no_advice_to_add_it():
    with pytest.raises(qs.UserError) as error:
        check_images(torch.zeros(2, 28, 28), 3)
    assert "x[:, None]" not in str(error.value)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_pass(channels):
    check_images(torch.zeros(2, channels, 7, 5), channels)
