"""Grey values are shown between black and white, with a background like paper."""

import numpy as np
import torch
from matplotlib.figure import Figure

from quickstudy.reporting.shades import Shades


def test_ink_on_a_screen_is_turned_into_ink_on_paper():
    """Most of a picture is background, which is shown white."""
    dark, light = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    dark[..., 0], light[..., 0] = 1, 0
    assert Shades.of(dark) == Shades(0.0, 1.0, "gray_r")
    assert Shades.of(light) == Shades(0.0, 1.0, "gray")


def test_values_are_scaled_to_the_range_and_cut_off_beyond_it():
    axes = Figure().subplots()
    Shades(2.0, 6.0, "gray").draw(axes, torch.tensor([[[2.0, 4.0], [6.0, 9.0]]]))
    (image,) = axes.images
    assert np.array_equal(image.get_array(), [[0.0, 0.5], [1.0, 1.0]])
    assert image.get_clim() == (0, 1)
