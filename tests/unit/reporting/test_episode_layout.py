"""Everything of a task's picture stands in its place, ten rows to a block."""

import pytest
import torch
from matplotlib.colors import rgb_to_hsv, to_rgb

from quickstudy.reporting.episode_layout import CAPTION, COLOURS, GAP, HEAD, ROWS, Layout
from tests.unit.reporting.small import drawn, marked


def corners(layout: Layout, gid: str) -> list[tuple[float, float]]:
    return [pytest.approx(patch.get_xy()) for patch in marked(layout.figure, gid)]


def test_the_eleventh_row_begins_a_block():
    layout = Layout(1, 2, ROWS + 2, torch.rand(4, 1, 3, 3))
    # twelve rows are two blocks of six
    assert layout.rows == 6
    for place in (0, 5, 6):
        layout.support(place, place, [torch.rand(1, 3, 3)])
    block = HEAD + 1 + GAP + 2 * 1.1 + GAP
    places = [(0, 0), (0, 5), (1, 0)]
    assert [patch.get_xy() for patch in marked(drawn(layout.figure), "support")] == [
        pytest.approx((column * block + HEAD + 0.02, row * (1 + CAPTION) + 0.02))
        for column, row in places
    ]


def test_several_support_images_stand_in_columns_of_two():
    layout = Layout(3, 1, 1, torch.rand(4, 1, 3, 3))
    layout.support(0, 0, [torch.rand(1, 3, 3)] * 3)
    inset = 0.015
    assert [patch.get_xy() for patch in marked(layout.figure, "support")] == [
        pytest.approx((HEAD + column + inset, row + inset))
        for column, row in ((0, 0), (0, 0.5), (0.5, 0))
    ]


def test_a_mistake_is_red_and_says_so():
    layout = Layout(1, 2, 1, torch.rand(4, 1, 3, 3))
    layout.query(0, 0, torch.rand(1, 3, 3), "1 · 90 %", wrong=False)
    layout.query(0, 1, torch.rand(1, 3, 3), "1 · 60 %\nis 2", wrong=True)
    (right,), (mistake,) = marked(layout.figure, "right"), marked(layout.figure, "mistake")
    assert mistake.get_x() - right.get_x() == pytest.approx(1.1)
    assert mistake.get_linewidth() > right.get_linewidth()
    assert mistake.get_edgecolor()[0] > 0.8 and mistake.get_edgecolor()[2] < 0.2


def test_ink_on_paper_is_dark_and_ink_on_a_screen_is_light():
    """Most of a picture is background, which is shown white."""
    dark, light = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    dark[..., 0], light[..., 0] = 1, 0
    assert Layout(1, 1, 1, dark).shades.map == "gray_r"
    assert Layout(1, 1, 1, light).shades.map == "gray"


def test_no_class_is_red_or_grey():
    assert len(set(COLOURS)) == 16
    for colour in COLOURS:
        hue, saturation, _ = rgb_to_hsv(to_rgb(colour))
        assert saturation > 0.15 and not (hue < 0.01 and saturation > 0.5)
