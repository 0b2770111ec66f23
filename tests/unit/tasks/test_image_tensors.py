"""Images become inputs of a network; quarter turns keep every pixel."""

import pytest
import torch

from quickstudy.errors import UserError
from quickstudy.tasks.image_tensors import quarter_turns, turned_names, unit_images


def test_bytes_are_scaled_to_the_unit_interval():
    images = torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8)
    expected = torch.tensor([[[[0.0, 0.2], [0.4, 1.0]]]])
    assert torch.allclose(unit_images(images), expected)
    colour = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    assert unit_images(colour).shape == (2, 3, 4, 4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_other_inputs_are_left_as_they_are(dtype):
    x = torch.arange(6, dtype=dtype).reshape(2, 3)
    assert unit_images(x) is x


def test_turns_go_counterclockwise_one_after_another():
    turned = quarter_turns(torch.tensor([[[1, 2], [3, 4]]]))
    assert turned.tolist() == [
        [[1, 2], [3, 4]],
        [[2, 4], [1, 3]],
        [[4, 3], [2, 1]],
        [[3, 1], [4, 2]],
    ]
    assert turned_names("a") == ["a/rot000", "a/rot090", "a/rot180", "a/rot270"]


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 5)])
def test_only_squares_can_be_turned(shape):
    with pytest.raises(UserError, match="Only square images"):
        quarter_turns(torch.zeros(shape))
