"""How related tasks are, as a map: a heatmap of all pairs beside the tree of tasks."""

from collections.abc import Iterator
from itertools import cycle, islice

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.cluster.hierarchy import leaves_list

from quickstudy.relatedness import Relatedness
from quickstudy.reporting.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, TICK, WIDTH

MOST_NAMES = 45
"""More names than these would run into one another: every second one is shown, or fewer."""
LONGEST = 18


def relatedness_map(found: Relatedness) -> Figure:
    """The similarities of all pairs of tasks as a heatmap, in the order of the tree of tasks, which
    is drawn on its left.

    The colours of branches, and the lines across the map, are the groups. Of many tasks only some
    are named.

    Args:
        found: What :func:`quickstudy.relatedness.relate` gave.
    """
    order = leaves_list(found.tree)
    figure = Figure(figsize=(WIDTH, 6.2), layout="constrained", facecolor="white")
    tree, heat = figure.subplots(1, 2, width_ratios=[1, 4])
    _draw_tree(tree, found, order)
    values = found.similarity.numpy()[np.ix_(order, order)]
    reach = max(0.5, float(np.abs(values[~np.eye(len(order), dtype=bool)]).max()))
    image = heat.imshow(
        values,
        cmap="RdBu_r",
        vmin=-reach,
        vmax=reach,
        aspect="auto",
        interpolation="nearest",
        gid="similarity",
    )
    for place in np.flatnonzero(np.diff(found.groups.numpy()[order])) + 0.5:
        heat.axhline(place, color=INK, linewidth=0.9, gid="boundary")
        heat.axvline(place, color=INK, linewidth=0.9)
    _name(heat, [found.names[index] for index in order])
    bar = figure.colorbar(
        image, ax=heat, orientation="horizontal", location="bottom", shrink=0.7, aspect=32, pad=0.03
    )
    bar.locator = MaxNLocator(5)
    bar.update_ticks()
    bar.set_label("similarity of two tasks", fontsize=TICK, color=INK)
    bar.ax.tick_params(labelsize=TICK, colors=INK, color=GREY)
    bar.outline.set_visible(False)
    return figure


def _name(axes: Axes, names: list[str]) -> None:
    """The names of the rows on the right; of many, those at equal distances."""
    places = range(0, len(names), -(-len(names) // MOST_NAMES))
    size = min(TICK, 290 / len(places))
    short = [
        name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[1 - LONGEST // 2 :]}"
        for name in names
    ]
    axes.set_yticks(list(places), [short[place] for place in places], fontsize=size)
    axes.yaxis.tick_right()
    axes.set_xticks([])
    axes.tick_params(length=2, color=GREY, labelcolor=INK)
    axes.spines[:].set_visible(False)


def _draw_tree(axes: Axes, found: Relatedness, order: np.ndarray) -> None:
    """The merges of the tree, the root on the left; a merge within a group has the group's colour, one of groups is grey."""
    colours = list(islice(cycle((BLUE, ORANGE, GREEN, PURPLE)), found.num_groups))
    lines, groups = zip(*_merges(found, order), strict=True)
    kinds = [GREY if group is None else colours[group] for group in groups]
    axes.add_collection(LineCollection(lines, colors=kinds, linewidths=1.2, gid="tree"))
    top = max(float(found.tree[:, 2].max()), 1e-6)
    axes.set(xlim=(1.03 * top, 0), ylim=(len(order) - 0.5, -0.5))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _merges(
    found: Relatedness, order: np.ndarray
) -> Iterator[tuple[list[tuple[float, float]], int | None]]:
    """For every merge its line, around the two parts that it joins, and the group that it lies in, if it does."""
    count, groups = len(order), found.groups.tolist()
    at = {int(leaf): (0.0, float(place), groups[leaf]) for place, leaf in enumerate(order)}
    for index, (first, second, distance, _) in enumerate(found.tree):
        (low, a, own), (high, b, other) = at[int(first)], at[int(second)]
        group = own if own == other else None
        at[count + index] = (float(distance), (a + b) / 2, group)
        yield [(low, a), (float(distance), a), (float(distance), b), (high, b)], group


__all__ = ["relatedness_map"]
