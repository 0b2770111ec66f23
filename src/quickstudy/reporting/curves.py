"""Curves over time: the training of a run, and the inner steps of an evaluation."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from quickstudy.errors import require
from quickstudy.reporting.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    SERIES,
    TICK,
    Values,
    metric_label,
    metric_scale,
    new_figure,
    spans_decades,
    tidy,
)
from quickstudy.targets import metric_of
from quickstudy.training.evaluate import Evaluation
from quickstudy.training.metrics import LINES_EVERY

PREFIX = "validation_"
HEIGHTS = {"lr": 0.6}
"""The height of a panel, if it is not 1."""
STEPS_LABEL = "inner steps taken on the support set"


def learning_curves(metrics: Sequence[dict[str, float]]) -> Figure:
    """Draw loss, validation and learning rate over the outer steps, each in a panel.

    Args:
        metrics: The lines of a run's ``metrics.jsonl``, see
            :func:`quickstudy.training.metrics.read_metrics`.

    Raises:
        UserError: If there is nothing to draw.
    """
    panels = _panels(metrics)
    require(bool(panels), "`metrics` should hold losses or validations. Found none.")
    heights = [HEIGHTS.get(name, 1.0) for name in panels]
    figure = new_figure(0.6 + 2.1 * sum(heights))
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, name in zip(grid, panels, strict=True):
        lines = [line for line in metrics if name in line]
        steps = np.array([line["step"] for line in lines], dtype=float)
        values = np.array([line[name] for line in lines], dtype=float)
        _panel(axes, name, steps, values)
    grid[-1].set_xlabel("outer step", fontsize=10)
    figure.align_ylabels()
    return figure


def smoothed(values: Values) -> Values:
    """Take a centred moving mean over about a twentieth of ``values``, narrower at both ends."""
    kernel = np.ones(2 * (len(values) // 40) + 1)
    sums = np.convolve(values, kernel, "same")
    counts = np.convolve(np.ones_like(values), kernel, "same")
    return np.asarray(sums / counts)


def _panels(metrics: Sequence[dict[str, float]]) -> list[str]:
    """Name the curves that were recorded, from the top down."""
    names = {name for line in metrics for name in line}
    validations = sorted(name for name in names if name.startswith(PREFIX))
    return [name for name in ("loss", *validations, "lr") if name in names]


def _panel(axes: Axes, name: str, steps: Values, values: Values) -> None:
    if name == "loss":
        _loss(axes, steps, values)
    elif name == "lr":
        tidy(axes, y="learning rate").plot(steps, values, color=INK, linewidth=1.2)
        axes.set_ylim(0, 1.15 * values.max() or 1)
    else:
        _validation(axes, steps, values, name.removeprefix(PREFIX))


def _loss(axes: Axes, steps: Values, values: Values) -> None:
    tidy(axes, y="training loss")
    smooth = smoothed(values)
    if len(values) >= 40:
        label = f"mean of {LINES_EVERY} steps"
        axes.plot(steps, values, color=BLUE, alpha=0.3, linewidth=0.8, label=label)
        axes.plot(steps, smooth, color=BLUE, linewidth=1.8, label="smoothed")
        axes.legend(frameon=False, fontsize=TICK, loc="upper right")
    else:
        axes.plot(steps, values, color=BLUE, linewidth=1.5, marker="o", markersize=3)
    if spans_decades(smooth):
        axes.set_yscale("log")


def _validation(axes: Axes, steps: Values, values: Values, metric: str) -> None:
    tidy(axes, y=f"validation\n{metric_label(metric)}")
    shown = metric_scale(metric) * values
    size = 3 if len(steps) < 60 else 0
    axes.plot(steps, shown, color=INK, linewidth=1.2, marker="o", markersize=size)
    if spans_decades(values):
        axes.set_yscale("log")
    if not np.isfinite(values).any():
        return
    told = metric_of(metric)
    rises = told.higher_is_better
    best = int(np.nanargmax(values) if rises else np.nanargmin(values))
    value = f"{shown[best]:.1f} %" if told.percent else f"{shown[best]:.3f}"
    label = f"best: {value} at step {int(steps[best]):,}"
    axes.plot(steps[best], shown[best], "o", color=ORANGE, markersize=8, label=label, gid="best")
    axes.legend(frameon=False, fontsize=TICK, loc="lower right" if rises else "upper right")


def curve_over_steps(evaluation: Evaluation) -> Figure:
    """Draw the metric after every number of inner steps, with its 95 % band.

    The baselines are horizontal lines.

    Raises:
        UserError: If the learner takes no inner steps.
    """
    require(
        len(evaluation.per_step) > 1,
        "A curve over inner steps needs a learner that takes some. Found none.",
    )
    figure = new_figure(4)
    axes = tidy(figure.subplots(), STEPS_LABEL, metric_label(evaluation.metric))
    values = [_mean_and_band(axes, evaluation), _baseline_lines(axes, evaluation)]
    if spans_decades(np.concatenate(values)):
        axes.set_yscale("log")
    _step_ticks(axes, np.array(list(evaluation.per_step), dtype=float))
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=TICK)
    return figure


def _mean_and_band(axes: Axes, evaluation: Evaluation) -> Values:
    """Draw the learner's curve; its means are returned."""
    scale, estimates = metric_scale(evaluation.metric), evaluation.per_step.values()
    steps = np.array(list(evaluation.per_step), dtype=float)
    mean = scale * np.array([estimate.mean for estimate in estimates])
    error = scale * np.nan_to_num([estimate.ci95 for estimate in estimates])
    label = "this learner, 95 % band"
    axes.fill_between(steps, mean - error, mean + error, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(steps, mean, color=BLUE, linewidth=1.8, marker="o", markersize=4, label=label)
    return mean


def _baseline_lines(axes: Axes, evaluation: Evaluation) -> Values:
    """Draw a line for every baseline that is finite; their values are returned."""
    scale = metric_scale(evaluation.metric)
    plain = {
        name: scale * estimate.mean
        for name, estimate in evaluation.baselines.items()
        if np.isfinite(estimate.mean)
    }
    for (name, value), colour, style in zip(plain.items(), cycle(SERIES), cycle(("--", "-.", ":"))):
        axes.axhline(value, color=colour, linestyle=style, linewidth=1.4, label=name)
    return np.array(list(plain.values()))


def _step_ticks(axes: Axes, steps: Values) -> None:
    """Mark the numbers of steps; if they are many, the first have most of the room."""
    if steps[-1] > 10:
        axes.set_xscale("function", functions=(_root, np.square))
    axes.set_xticks(steps, [f"{int(step)}" for step in steps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines["bottom"].set_color(GREY)


def _root(x: Values) -> Values:
    return np.asarray(np.sqrt(np.maximum(x, 0)))
