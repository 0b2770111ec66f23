"""Estimates beside one another: the learner beside its baselines, the groups of a pool beside one another."""

import math
from collections.abc import Sequence

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
    metric_label,
    metric_scale,
    new_figure,
    spans_decades,
    tidy,
)
from quickstudy.reporting.words import written
from quickstudy.training.evaluate import Estimate, Evaluation

LEARNER = "this learner"


def chance_of(evaluation: Evaluation) -> float | None:
    """``1 / way``, the accuracy of guessing; None for regression and where the tasks differ in way."""
    way = evaluation.source.get("way")
    return 1 / way if evaluation.metric == "accuracy" and isinstance(way, int) else None


def baselines_chart(evaluation: Evaluation) -> Figure:
    """The learner beside the plain baselines, each with its 95 % interval."""
    rows = [(LEARNER, evaluation.estimate), *evaluation.baselines.items()]
    figure = new_figure(1.1 + 0.42 * len(rows))
    axes = figure.subplots()
    _dots(axes, rows, evaluation.metric, chance_of(evaluation))
    return figure


def accuracy_by_group(groups: dict[str, Estimate], chance: float | None = None) -> Figure:
    """The accuracy within each group (alphabet, script), best first, with 95 % intervals.

    Args:
        groups: What :func:`~quickstudy.reporting.accuracy_by_group_values` gave.
        chance: The accuracy of guessing, drawn as a line.

    Raises:
        UserError: If there are no groups.
    """
    require(bool(groups), "`groups` should hold at least one group. Found none.")
    worst_last = sorted(
        groups.items(), key=lambda row: -row[1].mean if math.isfinite(row[1].mean) else math.inf
    )
    figure = new_figure(1.1 + 0.3 * len(groups))
    axes = figure.subplots()
    means = np.array([100 * estimate.mean for _, estimate in worst_last])
    axes.barh(
        range(len(means)), np.nan_to_num(means), height=0.62, color=BLUE, alpha=0.28, linewidth=0
    )
    _dots(axes, worst_last, "accuracy", chance, highlight=None)
    return figure


def _dots(
    axes: Axes,
    rows: Sequence[tuple[str, Estimate]],
    metric: str,
    chance: float | None,
    highlight: str | None = LEARNER,
) -> None:
    """A dot with its interval for every row, from the top down, and the number as a person writes it to its right."""
    tidy(axes, metric_label(metric)).grid(axis="y", visible=False)
    scale = metric_scale(metric)
    means = np.array([scale * estimate.mean for _, estimate in rows])
    errors = scale * np.nan_to_num([estimate.ci95 for _, estimate in rows])
    for place, ((name, _), mean, error) in enumerate(zip(rows, means, errors, strict=True)):
        colour = BLUE if highlight in (None, name) else GREY
        axes.errorbar(
            mean, place, xerr=error, fmt="o", color=colour, markersize=6, linewidth=2, capsize=3
        )
    if metric == "accuracy":
        axes.set_xlim(0, 100)
    elif spans_decades(means):
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    if chance is not None:
        axes.axvline(100 * chance, color=INK, linestyle=":", linewidth=1.2, gid="chance")
        axes.annotate(
            f"guessing {100 * chance:.3g} %", (100 * chance, 1), (3, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
            fontsize=TICK, color=INK, ha="left" if chance < 0.5 else "right",
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [name for name, _ in rows], fontsize=LABEL)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)
    for place, (_, estimate) in enumerate(rows):
        text, where = written(estimate, metric, tasks=False), (1.02, place)
        axes.annotate(
            text,
            where,
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=TICK,
            color=INK,
            annotation_clip=False,
        )
