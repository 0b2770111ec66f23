"""Places everything in the picture of a task, and draws it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from quickstudy.reporting.shades import Shades
from quickstudy.reporting.style import FAINT, INK, RED

ROWS = 10
# the unit of these and of all lengths below is an image
HEAD = 0.5
CAPTION = 0.5
GAP = 0.35
TOP = 1.15
# the saturated colours of tab20 first, then the pale ones
HUES = [0, 2, 4, 8, 10, 12, 16, 18, 1, 3, 5, 9, 11, 13, 17, 19]
COLOURS = [to_hex(colour) for colour in colormaps["tab20"](np.linspace(0, 1, 20)[HUES])]
"""Colours of the classes, without grey, and without red, which marks mistakes.

Classes of one colour are told apart by their numbers.
"""
LUMINANCE = (0.3, 0.59, 0.11)
TEXT: dict[str, Any] = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.05}
LEFT: dict[str, Any] = {"ha": "left", "va": "top"}
ABOVE: dict[str, Any] = {"ha": "left", "va": "bottom"}
MISTAKE: dict[str, Any] = {"edgecolor": RED, "linewidth": 3, "gid": "mistake"}
RIGHT: dict[str, Any] = {"edgecolor": FAINT, "linewidth": 1, "gid": "right"}
MISTAKE_TEXT: dict[str, Any] = {"weight": "bold", "color": RED}


@dataclass(frozen=True)
class Square:
    """A place of the picture.

    Attributes:
        left: Its left edge.
        top: Its upper edge; the vertical axis points down.
        size: The length of a side.
    """

    left: float
    top: float
    size: float = 1.0

    @property
    def inset(self) -> float:
        """The margin between the square and its image."""
        return 0.02 if self.size == 1 else 0.015

    @property
    def corner(self) -> tuple[float, float]:
        """The upper left corner of the image in it."""
        return self.left + self.inset, self.top + self.inset

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """The edges of the image in it: left, right, bottom, top."""
        right = self.left + self.size - self.inset
        bottom = self.top + self.size - self.inset
        return self.left + self.inset, right, bottom, self.top + self.inset


class Layout:
    """Draws blocks of at most ten rows side by side, all in one panel whose unit is an image.

    Args:
        shots: The most support images of a row.
        queries: The most queries of a row.
        rows: The number of rows, one for each class.
        x: Images ``[example, channel, height, width]`` that decide how grey values are shown.
    """

    def __init__(self, shots: int, queries: int, rows: int, x: Tensor) -> None:
        self.shades = Shades.of(x)
        self.one_shot = shots == 1
        self.queries_at = HEAD + _support_width(shots) + GAP
        self.block = self.queries_at + 1.1 * queries + GAP
        blocks = math.ceil(rows / ROWS)
        self.rows = math.ceil(rows / blocks)
        self.figure, self.axes = _panel(blocks * self.block, self.rows * (1 + CAPTION) + TOP)
        self._heads(blocks, "queries: taken for · how surely" if queries > 3 else "queries")

    def title(self, text: str) -> None:
        """Write the result above the picture."""
        self._text(0, -TOP + 0.12, text, 11, weight="bold", gid="title", **LEFT)

    def note(self, text: str) -> None:
        """Write below the title which classes and queries are left out."""
        self._text(0, -TOP + 0.5, text, 9, **LEFT)

    def head(self, place: int, k: int) -> None:
        """Draw the number of class ``k`` on its colour, before its row."""
        left, top = self._corner(place)
        colour = _colour(k)
        self.axes.add_patch(Rectangle((left, top), 0.36, 1, color=colour, linewidth=0))
        self._text(left + 0.18, top + 0.5, str(k + 1), 10, weight="bold", color=_ink_on(colour))

    def support(self, place: int, k: int, images: Sequence[Tensor]) -> None:
        """Draw the support images of class ``k``: one in full size, several in half size."""
        for index, image in enumerate(images):
            square = self._support_square(place, index)
            self._image(image, square)
            self._frame(square, edgecolor=_colour(k), linewidth=1.5, gid="support")

    def query(self, place: int, column: int, image: Tensor, caption: str, wrong: bool) -> None:
        """Draw a query with its caption; a mistake is red."""
        left, top = self._corner(place)
        square = Square(left + self.queries_at + 1.1 * column, top)
        self._image(image, square)
        self._frame(square, **(MISTAKE if wrong else RIGHT))
        style = MISTAKE_TEXT if wrong else {}
        self._text(square.left + 0.5, top + 1.07, caption, 8, va="top", **style)

    def _corner(self, place: int) -> tuple[float, float]:
        block, row = divmod(place, self.rows)
        return block * self.block, row * (1 + CAPTION)

    def _support_square(self, place: int, index: int) -> Square:
        """Give the place of a support image; several are in columns of two."""
        left, top = self._corner(place)
        size = 1.0 if self.one_shot else 0.5
        column, row = (index, 0) if self.one_shot else divmod(index, 2)
        return Square(left + HEAD + size * column, top + size * row, size)

    def _heads(self, blocks: int, asked: str) -> None:
        for block in range(blocks):
            left = block * self.block
            self._text(left + HEAD, -0.12, "support", 9, **ABOVE)
            self._text(left + self.queries_at, -0.12, asked, 9, **ABOVE)

    def _image(self, image: Tensor, square: Square) -> None:
        self.shades.draw(self.axes, image, extent=square.extent, aspect="equal")

    def _frame(self, square: Square, **style: Any) -> None:
        side = square.size - 2 * square.inset
        self.axes.add_patch(Rectangle(square.corner, side, side, fill=False, **style))

    def _text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        self.axes.text(x, y, text, fontsize=size, **(TEXT | style))


def _support_width(shots: int) -> float:
    return 1.0 if shots == 1 else 0.5 * math.ceil(shots / 2)


def _colour(k: int) -> str:
    """Give the colour of class ``k``."""
    return COLOURS[k % len(COLOURS)]


def _ink_on(colour: str) -> str:
    """Choose a colour of letters that can be read on ``colour``."""
    return "white" if np.dot(to_rgb(colour), LUMINANCE) < 0.55 else INK


def _panel(width: float, height: float) -> tuple[Figure, Axes]:
    """Make a figure without margins, and its one panel, ``width`` times ``height`` images."""
    inch = min(0.92, max(0.68, 7 / width))
    # room for the title
    width = max(width, 5.6 / inch)
    figure = Figure(figsize=(width * inch, height * inch), facecolor="white")
    axes: Axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.set(xlim=(-0.1, width - 0.1), ylim=(height - TOP, -TOP), aspect="equal")
    return figure, axes
