"""Draws estimates beside one another: a learner and its baselines, the groups of a pool."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quickstudy.errors import require
from quickstudy.reporting.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    LABEL,
    TICK,
    Values,
    metric_label,
    metric_scale,
    new_figure,
    spans_decades,
    tidy,
)
from quickstudy.reporting.words import written
from quickstudy.targets import metric_of
from quickstudy.training.evaluate import Estimate, Evaluation

LEARNER = "this learner"
DOT: dict[str, Any] = {"fmt": "o", "markersize": 6, "linewidth": 2, "capsize": 3}


def chance_of(evaluation: Evaluation) -> float | None:
    """Give ``1 / way``, the accuracy of guessing; None for regression, or if ``way`` varies."""
    way = evaluation.source.get("way")
    return 1 / way if evaluation.metric == "accuracy" and isinstance(way, int) else None


def baselines_chart(evaluation: Evaluation) -> Figure:
    """Draw the learner beside the plain baselines, each with its 95 % interval."""
    rows = [(LEARNER, evaluation.estimate), *evaluation.baselines.items()]
    figure = new_figure(1.1 + 0.42 * len(rows))
    axes = figure.subplots()
    _dots(axes, rows, evaluation.metric, chance_of(evaluation))
    return figure


def accuracy_by_group(groups: dict[str, Estimate], chance: float | None = None) -> Figure:
    """Draw the accuracy within each group (alphabet, script), best first, with 95 % intervals.

    Args:
        groups: The values of :func:`~quickstudy.reporting.accuracy_by_group_values`.
        chance: The accuracy of guessing, drawn as a line.

    Raises:
        UserError: If there are no groups.
    """
    require(bool(groups), "`groups` should hold at least one group. Found none.")
    worst_last = sorted(groups.items(), key=lambda row: _rank(row[1]))
    figure = new_figure(1.1 + 0.3 * len(groups))
    axes = figure.subplots()
    means = np.array([100 * estimate.mean for _, estimate in worst_last])
    lengths = np.nan_to_num(means)
    axes.barh(range(len(means)), lengths, height=0.62, color=BLUE, alpha=0.28, linewidth=0)
    _dots(axes, worst_last, "accuracy", chance, highlight=None)
    return figure


def _rank(estimate: Estimate) -> float:
    """Order estimates from the best to the worst; one that diverged is the last."""
    return -estimate.mean if math.isfinite(estimate.mean) else math.inf


def _dots(
    axes: Axes,
    rows: Sequence[tuple[str, Estimate]],
    metric: str,
    chance: float | None,
    highlight: str | None = LEARNER,
) -> None:
    """Draw a dot with its interval for every row, from the top down, and its number beside it."""
    tidy(axes, metric_label(metric)).grid(axis="y", visible=False)
    scale = metric_scale(metric)
    means = np.array([scale * estimate.mean for _, estimate in rows])
    errors = scale * np.nan_to_num([estimate.ci95 for _, estimate in rows])
    for place, (name, _) in enumerate(rows):
        colour = BLUE if highlight in (None, name) else GREY
        axes.errorbar(means[place], place, xerr=errors[place], color=colour, **DOT)
    _limit(axes, means, metric)
    if chance is not None:
        _mark_chance(axes, chance)
    _name_rows(axes, [name for name, _ in rows])
    for place, (_, estimate) in enumerate(rows):
        _write(axes, place, written(estimate, metric, tasks=False))


def _limit(axes: Axes, means: Values, metric: str) -> None:
    if metric_of(metric).percent:
        axes.set_xlim(0, 100)
    elif spans_decades(means):
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)


def _mark_chance(axes: Axes, chance: float) -> None:
    axes.axvline(100 * chance, color=INK, linestyle=":", linewidth=1.2, gid="chance")
    axes.annotate(
        f"guessing {100 * chance:.3g} %",
        (100 * chance, 1),
        (3, 2),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=TICK,
        color=INK,
        ha="left" if chance < 0.5 else "right",
    )


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=LABEL)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)


def _write(axes: Axes, place: int, text: str) -> None:
    """Write ``text`` to the right of the panel, in the row ``place``."""
    axes.annotate(
        text,
        (1.02, place),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=TICK,
        color=INK,
        annotation_clip=False,
    )
