"""Places everything in the picture of a task, and draws it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

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
"""Colours of the classes; none is grey, or red, which marks mistakes.

Classes of one colour are told apart by their numbers.
"""
LUMINANCE = (0.3, 0.59, 0.11)
TEXT: dict[str, Any] = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.05}


class Layout:
    """Draws blocks of at most ten rows side by side, all in one panel whose unit is an image.

    Args:
        shots: The most support images of a row.
        queries: The most queries of a row.
        rows: The number of rows, one for each class.
        x: Images ``[example, channel, height, width]`` that say how grey values are shown.
    """

    def __init__(self, shots: int, queries: int, rows: int, x: Tensor) -> None:
        self.one_shot = shots == 1
        supports = 1.0 if self.one_shot else 0.5 * math.ceil(shots / 2)
        self.queries_at = HEAD + supports + GAP
        self.block = self.queries_at + 1.1 * queries + GAP
        blocks = math.ceil(rows / ROWS)
        self.rows = math.ceil(rows / blocks)
        self.low, self.high = float(x.min()), float(x.max())
        # the paper is white
        self.map = "gray_r" if float(x.mean()) < (self.low + self.high) / 2 else "gray"
        self.figure, self.axes = _panel(blocks * self.block, self.rows * (1 + CAPTION) + TOP)
        self._heads(blocks, "queries: taken for · how surely" if queries > 3 else "queries")

    def title(self, text: str) -> None:
        """Write the result above the picture."""
        self._text(0, -TOP + 0.12, text, 11, ha="left", va="top", weight="bold", gid="title")

    def note(self, text: str) -> None:
        """Write below the title which classes and queries are left out."""
        self._text(0, -TOP + 0.5, text, 9, ha="left", va="top")

    def head(self, place: int, k: int) -> None:
        """Draw the number of class ``k`` on its colour, before its row."""
        left, top = self._corner(place)
        colour = COLOURS[k % len(COLOURS)]
        self.axes.add_patch(Rectangle((left, top), 0.36, 1, color=colour, linewidth=0))
        dark = np.dot(to_rgb(colour), LUMINANCE) < 0.55
        ink = "white" if dark else INK
        self._text(left + 0.18, top + 0.5, str(k + 1), 10, weight="bold", color=ink)

    def support(self, place: int, k: int, images: Sequence[Tensor]) -> None:
        """Draw the support images of class ``k``: one in full size, several in half size."""
        left, top = self._corner(place)
        size = 1.0 if self.one_shot else 0.5
        frame = COLOURS[k % len(COLOURS)]
        for index, image in enumerate(images):
            # several stand in columns of two
            column, row = (index, 0) if self.one_shot else divmod(index, 2)
            at = (left + HEAD + size * column, top + size * row)
            self._image(image, at, size)
            self._frame(at, size, edgecolor=frame, linewidth=1.5, gid="support")

    def query(self, place: int, column: int, image: Tensor, caption: str, wrong: bool) -> None:
        """Draw a query with its caption; a mistake is red."""
        left, top = self._corner(place)
        x = left + self.queries_at + 1.1 * column
        self._image(image, (x, top), 1.0)
        below: dict[str, Any] = {"size": 8, "va": "top"}
        if wrong:
            self._frame((x, top), 1.0, edgecolor=RED, linewidth=3, gid="mistake")
            self._text(x + 0.5, top + 1.07, caption, weight="bold", color=RED, **below)
        else:
            self._frame((x, top), 1.0, edgecolor=FAINT, linewidth=1, gid="right")
            self._text(x + 0.5, top + 1.07, caption, **below)

    def _corner(self, place: int) -> tuple[float, float]:
        block, row = divmod(place, self.rows)
        return block * self.block, row * (1 + CAPTION)

    def _heads(self, blocks: int, asked: str) -> None:
        for block in range(blocks):
            left = block * self.block
            self._text(left + HEAD, -0.12, "support", 9, ha="left", va="bottom")
            self._text(left + self.queries_at, -0.12, asked, 9, ha="left", va="bottom")

    def _image(self, image: Tensor, at: tuple[float, float], size: float) -> None:
        x, y = at
        inset = _inset(size)
        grey = (image.float() - self.low) / max(self.high - self.low, 1e-12)
        self.axes.imshow(
            grey.clamp(0, 1).movedim(0, -1).numpy(),
            cmap=self.map,
            vmin=0,
            vmax=1,
            extent=(x + inset, x + size - inset, y + size - inset, y + inset),
            interpolation="antialiased",
            aspect="equal",
        )

    def _frame(self, at: tuple[float, float], size: float, **style: Any) -> None:
        inset = _inset(size)
        corner = (at[0] + inset, at[1] + inset)
        side = size - 2 * inset
        self.axes.add_patch(Rectangle(corner, side, side, fill=False, **style))

    def _text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        self.axes.text(x, y, text, fontsize=size, **(TEXT | style))


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


def _inset(size: float) -> float:
    return 0.02 if size == 1 else 0.015
