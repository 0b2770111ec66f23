"""Draws the relatedness of tasks: a heatmap of all pairs beside the tree of tasks."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from scipy.cluster.hierarchy import leaves_list

from quickstudy.relatedness import Relatedness
from quickstudy.reporting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, TICK, new_figure

BELOW: dict[str, Any] = {
    "orientation": "horizontal",
    "location": "bottom",
    "shrink": 0.7,
    "aspect": 32,
    "pad": 0.03,
}
HEAT: dict[str, Any] = {
    "cmap": "RdBu_r",
    "aspect": "auto",
    "interpolation": "nearest",
    "gid": "similarity",
}
MOST_NAMES = 45
"""The most names that do not overlap; if there are more, every second or fewer is shown."""
LONGEST = 18
"""The most characters of a name; a longer name loses its middle."""


def relatedness_map(found: Relatedness) -> Figure:
    """Draw the similarities of all pairs of tasks as a heatmap, beside the tree of tasks.

    The tasks are in the order of the tree, which is on the left. The colours of branches, and the
    lines across the map, are the groups. If there are many tasks, only some are named.

    Args:
        found: The result of :func:`quickstudy.relatedness.relate`.
    """
    order = leaves_list(found.tree)
    figure = new_figure(6.2)
    tree, heat = figure.subplots(1, 2, width_ratios=[1, 4])
    _draw_tree(tree, found, order)
    image = _draw_map(heat, found, order)
    _tidy_bar(figure.colorbar(image, ax=heat, **BELOW))
    return figure


def _tidy_bar(bar: Colorbar) -> None:
    _set_ticks(bar)
    bar.set_label("similarity of two tasks", fontsize=TICK, color=INK)
    bar.outline.set_visible(False)


def _set_ticks(bar: Colorbar) -> None:
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    bar.ax.tick_params(labelsize=TICK, colors=INK, color=GREY)


def _draw_map(axes: Axes, found: Relatedness, order: np.ndarray) -> AxesImage:
    """Draw the heatmap, the boundaries of the groups and the names."""
    values = found.similarity.numpy()[np.ix_(order, order)]
    reach = _reach(values)
    image = axes.imshow(values, vmin=-reach, vmax=reach, **HEAT)
    _draw_boundaries(axes, found.groups.numpy()[order])
    _name(axes, [found.names[index] for index in order])
    return image


def _draw_boundaries(axes: Axes, groups: np.ndarray) -> None:
    """Draw lines between rows, and between columns, of different ``groups``."""
    for place in np.flatnonzero(np.diff(groups)) + 0.5:
        axes.axhline(place, color=INK, linewidth=0.9, gid="boundary")
        axes.axvline(place, color=INK, linewidth=0.9)


def _reach(values: np.ndarray) -> float:
    """Give the similarity of the deepest colour: the largest of a pair, at least a half."""
    pairs = values[~np.eye(len(values), dtype=bool)]
    return max(0.5, float(np.abs(pairs).max()))


def _name(axes: Axes, names: list[str]) -> None:
    """Write the names of the rows on the right; if there are many, only some at equal distances."""
    places = range(0, len(names), -(-len(names) // MOST_NAMES))
    size = min(TICK, 290 / len(places))
    axes.set_yticks(list(places), [_short(names[place]) for place in places], fontsize=size)
    axes.yaxis.tick_right()
    axes.set_xticks([])
    axes.tick_params(length=2, color=GREY, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _short(name: str) -> str:
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[1 - half :]}"


def _draw_tree(axes: Axes, found: Relatedness, order: np.ndarray) -> None:
    """Draw the merges of the tree, with the root on the left.

    A merge within a group has the group's colour; a merge of groups is grey.
    """
    axes.add_collection(_branches(found, order))
    top = max(float(found.tree[:, 2].max()), 1e-6)
    axes.set(xlim=(1.03 * top, 0), ylim=(len(order) - 0.5, -0.5), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _branches(found: Relatedness, order: np.ndarray) -> LineCollection:
    """Make the lines of all merges."""
    palette = [*islice(cycle((BLUE, ORANGE, GREEN, PURPLE)), found.num_groups), GREY]
    merges = list(_merges(found, order))
    colours = [palette[merge.group] for merge in merges]
    lines = [merge.line for merge in merges]
    return LineCollection(lines, colors=colours, linewidths=1.2, gid="tree")


@dataclass(frozen=True)
class Branch:
    """A part of the tree: a task, or the parts that a merge has joined.

    Attributes:
        distance: The distance of the parts that it joins; 0 for a task.
        place: Its place among the rows of the map.
        group: The group of all its tasks; -1 if they are of several.
    """

    distance: float
    place: float
    group: int


@dataclass(frozen=True)
class Merge:
    """A merge of two parts of the tree.

    Attributes:
        first: The first part.
        second: The second part.
        distance: The distance between them.
    """

    first: Branch
    second: Branch
    distance: float

    @property
    def group(self) -> int:
        """The group of both parts; -1 if they are of several."""
        return self.first.group if self.first.group == self.second.group else -1

    @property
    def line(self) -> list[tuple[float, float]]:
        """The line around the two parts."""
        start, end = (self.distance, self.first.place), (self.distance, self.second.place)
        first = (self.first.distance, self.first.place)
        return [first, start, end, (self.second.distance, self.second.place)]

    @property
    def joined(self) -> Branch:
        """The part that joins the two."""
        middle = (self.first.place + self.second.place) / 2
        return Branch(self.distance, middle, self.group)


def _merges(found: Relatedness, order: np.ndarray) -> Iterator[Merge]:
    """Give the merges of the tree, the most similar parts first."""
    count, groups = len(order), found.groups.tolist()
    parts = {int(leaf): Branch(0.0, float(at), groups[leaf]) for at, leaf in enumerate(order)}
    for index, (first, second, distance, _) in enumerate(found.tree):
        merge = Merge(parts[int(first)], parts[int(second)], float(distance))
        parts[count + index] = merge.joined
        yield merge


__all__ = ["relatedness_map"]
