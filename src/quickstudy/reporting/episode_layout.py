"""Where everything stands in the picture of a task, and how it is drawn."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from quickstudy.reporting.style import FAINT, INK, RED

ROWS = 10
HEAD, CAPTION, GAP, TOP = 0.5, 0.5, 0.35, 1.15  # in images, as all lengths below
COLOURS = [
    to_hex(colour)
    for colour in colormaps["tab20"](
        np.linspace(0, 1, 20)[[0, 2, 4, 8, 10, 12, 16, 18, 1, 3, 5, 9, 11, 13, 17, 19]]
    )
]
"""Colours of the classes; none is red, which says "mistake", or grey. The numbers tell apart what shares a colour."""


class Layout:
    """Blocks of at most ten rows side by side, all in one panel whose unit is an image.

    Args:
        shots: The most support images of a row.
        queries: The most queries of a row.
        rows: How many rows, one for each class.
        x: Images ``[example, channel, height, width]`` that say how grey values are shown.
    """

    def __init__(self, shots: int, queries: int, rows: int, x: Tensor) -> None:
        self.one_shot = shots == 1
        self.queries_at = HEAD + (1.0 if self.one_shot else 0.5 * math.ceil(shots / 2)) + GAP
        self.block = self.queries_at + 1.1 * queries + GAP
        blocks, self.rows = math.ceil(rows / ROWS), math.ceil(rows / math.ceil(rows / ROWS))
        self.low, self.high = float(x.min()), float(x.max())
        # the paper is white
        self.map = "gray_r" if float(x.mean()) < (self.low + self.high) / 2 else "gray"
        width, height = blocks * self.block, self.rows * (1 + CAPTION) + TOP
        inch = min(0.92, max(0.68, 7 / width))
        width = max(width, 5.6 / inch)
        self.figure = Figure(figsize=(width * inch, height * inch), facecolor="white")
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.axis("off")
        asked = "queries: taken for · how surely" if queries > 3 else "queries"
        for block in range(blocks):
            self._text(block * self.block + HEAD, -0.12, "support", 9, ha="left", va="bottom")
            self._text(
                block * self.block + self.queries_at, -0.12, asked, 9, ha="left", va="bottom"
            )
        self.axes.set(xlim=(-0.1, width - 0.1), ylim=(height - TOP, -TOP), aspect="equal")

    def title(self, text: str) -> None:
        """What the whole picture says."""
        self._text(0, -TOP + 0.12, text, 11, ha="left", va="top", weight="bold", gid="title")

    def note(self, text: str) -> None:
        """What is left out."""
        self._text(0, -TOP + 0.5, text, 9, ha="left", va="top")

    def head(self, place: int, k: int) -> None:
        """The number of class ``k`` on its colour, before its row."""
        left, top = self._corner(place)
        colour = COLOURS[k % len(COLOURS)]
        self.axes.add_patch(Rectangle((left, top), 0.36, 1, color=colour, linewidth=0))
        dark = np.dot(to_rgb(colour), (0.3, 0.59, 0.11)) < 0.55
        self._text(
            left + 0.18, top + 0.5, str(k + 1), 10, weight="bold", color="white" if dark else INK
        )

    def support(self, place: int, k: int, images: Sequence[Tensor]) -> None:
        """The support images of class ``k``: one in full size, several in half size, two above one another."""
        left, top = self._corner(place)
        size = 1.0 if self.one_shot else 0.5
        for index, image in enumerate(images):
            column, row = (index, 0) if self.one_shot else divmod(index, 2)
            x, y = left + HEAD + size * column, top + size * row
            self._image(image, x, y, size, COLOURS[k % len(COLOURS)], 1.5, "support")

    def query(self, place: int, column: int, image: Tensor, caption: str, wrong: bool) -> None:
        """A query with its caption; a mistake in red."""
        left, top = self._corner(place)
        x = left + self.queries_at + 1.1 * column
        self._image(
            image,
            x,
            top,
            1.0,
            RED if wrong else FAINT,
            3 if wrong else 1,
            "mistake" if wrong else "right",
        )
        self._text(
            x + 0.5,
            top + 1.07,
            caption,
            8,
            va="top",
            weight="bold" if wrong else "normal",
            color=RED if wrong else INK,
        )

    def _corner(self, place: int) -> tuple[float, float]:
        block, row = divmod(place, self.rows)
        return block * self.block, row * (1 + CAPTION)

    def _image(
        self, image: Tensor, x: float, y: float, size: float, frame: str, width: float, gid: str
    ) -> None:
        pixels = (
            ((image.float() - self.low) / max(self.high - self.low, 1e-12))
            .clamp(0, 1)
            .movedim(0, -1)
            .numpy()
        )
        inset = 0.02 if size == 1 else 0.015
        extent = (x + inset, x + size - inset, y + size - inset, y + inset)
        self.axes.imshow(
            pixels,
            cmap=self.map,
            vmin=0,
            vmax=1,
            extent=extent,
            interpolation="antialiased",
            aspect="equal",
        )
        self.axes.add_patch(
            Rectangle(
                (extent[0], extent[3]),
                size - 2 * inset,
                size - 2 * inset,
                fill=False,
                edgecolor=frame,
                linewidth=width,
                gid=gid,
            )
        )

    def _text(
        self, x: float, y: float, text: str, size: float, ha: str = "center", va: str = "center", weight: str = "normal",
        color: str = INK, gid: str = "",
    ) -> None:  # fmt: skip
        self.axes.text(
            x,
            y,
            text,
            fontsize=size,
            ha=ha,
            va=va,
            weight=weight,
            color=color,
            gid=gid,
            linespacing=1.05,
        )
