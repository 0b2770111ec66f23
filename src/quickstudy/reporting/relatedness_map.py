"""Draws how related tasks are: a heatmap of all pairs beside the tree of tasks."""

from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from scipy.cluster.hierarchy import leaves_list

from quickstudy.relatedness import Relatedness
from quickstudy.reporting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, TICK, WIDTH

BELOW: dict[str, Any] = {"orientation": "horizontal", "location": "bottom"}
MOST_NAMES = 45
"""The most names that do not run into one another; of more, every second is shown, or fewer."""
LONGEST = 18
"""The most characters of a name; a longer one loses its middle."""


def relatedness_map(found: Relatedness) -> Figure:
    """Draw the similarities of all pairs of tasks as a heatmap, beside the tree of tasks.

    The tasks are in the order of the tree, which is on the left. The colours of branches, and the
    lines across the map, are the groups. Of many tasks only some are named.

    Args:
        found: The result of :func:`quickstudy.relatedness.relate`.
    """
    order = leaves_list(found.tree)
    figure = Figure(figsize=(WIDTH, 6.2), layout="constrained", facecolor="white")
    tree, heat = figure.subplots(1, 2, width_ratios=[1, 4])
    _draw_tree(tree, found, order)
    image = _draw_map(heat, found, order)
    bar = figure.colorbar(image, ax=heat, shrink=0.7, aspect=32, pad=0.03, **BELOW)
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    bar.set_label("similarity of two tasks", fontsize=TICK, color=INK)
    bar.ax.tick_params(labelsize=TICK, colors=INK, color=GREY)
    bar.outline.set_visible(False)
    return figure


def _draw_map(axes: Axes, found: Relatedness, order: np.ndarray) -> AxesImage:
    """Draw the heatmap, the boundaries of the groups and the names."""
    values = found.similarity.numpy()[np.ix_(order, order)]
    reach = max(0.5, float(np.abs(values[~np.eye(len(order), dtype=bool)]).max()))
    image = axes.imshow(
        values,
        cmap="RdBu_r",
        vmin=-reach,
        vmax=reach,
        aspect="auto",
        interpolation="nearest",
        gid="similarity",
    )
    for place in np.flatnonzero(np.diff(found.groups.numpy()[order])) + 0.5:
        axes.axhline(place, color=INK, linewidth=0.9, gid="boundary")
        axes.axvline(place, color=INK, linewidth=0.9)
    _name(axes, [found.names[index] for index in order])
    return image


def _name(axes: Axes, names: list[str]) -> None:
    """Write the names of the rows on the right; of many, those at equal distances."""
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
    palette = islice(cycle((BLUE, ORANGE, GREEN, PURPLE)), found.num_groups)
    colours: dict[int | None, str] = {None: GREY, **dict(enumerate(palette))}
    lines, groups = zip(*_merges(found, order), strict=True)
    kinds = [colours[group] for group in groups]
    axes.add_collection(LineCollection(lines, colors=kinds, linewidths=1.2, gid="tree"))
    top = max(float(found.tree[:, 2].max()), 1e-6)
    axes.set(xlim=(1.03 * top, 0), ylim=(len(order) - 0.5, -0.5))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _merges(
    found: Relatedness, order: np.ndarray
) -> Iterator[tuple[list[tuple[float, float]], int | None]]:
    """Give for every merge its line, around the two parts that it joins, and its group if any."""
    count, groups = len(order), found.groups.tolist()
    at = {int(leaf): (0.0, float(place), groups[leaf]) for place, leaf in enumerate(order)}
    for index, (first, second, distance, _) in enumerate(found.tree):
        (low, a, own), (high, b, other) = at[int(first)], at[int(second)]
        group = own if own == other else None
        at[count + index] = (float(distance), (a + b) / 2, group)
        yield [(low, a), (float(distance), a), (float(distance), b), (high, b)], group


__all__ = ["relatedness_map"]
