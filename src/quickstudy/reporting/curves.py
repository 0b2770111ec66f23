"""Draws curves over time: the training of a run, and the inner steps of an evaluation."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from quickstudy.errors import require
from quickstudy.reporting.estimates import means_and_errors
from quickstudy.reporting.style import (
    BLUE,
    GREY,
    INK,
    LABEL,
    ORANGE,
    SERIES,
    Values,
    legend_above,
    legend_below,
    metric_label,
    metric_scale,
    new_figure,
    tidy,
    widen,
)
from quickstudy.targets import metric_of
from quickstudy.training.evaluate import Evaluation
from quickstudy.training.metrics import LINES_EVERY

PREFIX = "validation_"
HEIGHTS = {"lr": 0.6}
"""The height of a panel, if it is not 1."""
STEPS_LABEL = "inner steps taken on the support set"
MANY = 40
"""The least number of losses for a smoothed curve over them."""
MARKED = 60
"""The least number of validations that are no longer marked singly."""
DOTTED: dict[str, Any] = {"linewidth": 1.5, "marker": "o", "markersize": 3}
BAND = "this learner, 95 % band"


@dataclass(frozen=True, eq=False)
class Curve:
    """The recorded values of one name.

    Attributes:
        name: The name.
        steps: The outer steps ``[value]`` after which they were recorded.
        values: The values ``[value]``.
    """

    name: str
    steps: Values
    values: Values

    @classmethod
    def of(cls, metrics: Iterable[dict[str, float]], name: str) -> "Curve":
        """Collect the values of ``name`` from the lines that hold it."""
        lines = [line for line in metrics if name in line]
        return cls(name, _column(lines, "step"), _column(lines, name))

    def draw(self, axes: Axes, **style: Any) -> None:
        """Draw its line."""
        axes.plot(self.steps, self.values, **style)


def learning_curves(metrics: Sequence[dict[str, float]]) -> Figure:
    """Draw loss, validation and learning rate over the outer steps, each in a panel.

    Args:
        metrics: The lines of a run's ``metrics.jsonl``, see
            :func:`quickstudy.training.metrics.read_metrics`.

    Raises:
        UserError: If there is nothing to draw.
    """
    names = _names(metrics)
    require(bool(names), "`metrics` should hold losses or validations. Found none.")
    heights = [HEIGHTS.get(name, 1.0) for name in names]
    figure = new_figure(0.6 + 2.1 * sum(heights))
    grid = figure.subplots(len(names), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, name in zip(grid, names, strict=True):
        _draw(axes, Curve.of(metrics, name))
    grid[-1].set_xlabel("outer step", fontsize=LABEL)
    figure.align_ylabels()
    return figure


def smoothed(values: Values) -> Values:
    """Take a centred moving mean over about a twentieth of ``values``, narrower at both ends."""
    kernel = np.ones(2 * (len(values) // 40) + 1)
    sums = np.convolve(values, kernel, "same")
    counts = np.convolve(np.ones_like(values), kernel, "same")
    return np.asarray(sums / counts)


def _column(lines: Iterable[dict[str, float]], name: str) -> Values:
    return np.array([line[name] for line in lines], dtype=float)


def _names(metrics: Sequence[dict[str, float]]) -> list[str]:
    """Name the curves that were recorded, from the top down."""
    names = {name for line in metrics for name in line}
    validations = sorted(name for name in names if name.startswith(PREFIX))
    return [name for name in ("loss", *validations, "lr") if name in names]


def _draw(axes: Axes, curve: Curve) -> None:
    draw = {"loss": _loss, "lr": _rate}.get(curve.name, _validation)
    draw(axes, curve)


def _rate(axes: Axes, curve: Curve) -> None:
    curve.draw(tidy(axes, y="learning rate"), color=INK, linewidth=1.2)
    axes.set_ylim(0, 1.15 * curve.values.max() or 1)


def _loss(axes: Axes, curve: Curve) -> None:
    tidy(axes, y="training loss")
    smooth = replace(curve, values=smoothed(curve.values))
    if len(curve.values) >= MANY:
        _smoothed_loss(axes, curve, smooth)
    else:
        curve.draw(axes, color=BLUE, **DOTTED)
    widen(axes, smooth.values)


def _smoothed_loss(axes: Axes, curve: Curve, smooth: Curve) -> None:
    label = f"mean of {LINES_EVERY} steps"
    curve.draw(axes, color=BLUE, alpha=0.3, linewidth=0.8, label=label)
    smooth.draw(axes, color=BLUE, linewidth=1.8, label="smoothed")
    legend_above(axes)


def _validation(axes: Axes, curve: Curve) -> None:
    metric = curve.name.removeprefix(PREFIX)
    shown = replace(curve, values=metric_scale(metric) * curve.values)
    size = 3 if len(curve.steps) < MARKED else 0
    tidy(axes, y=f"validation\n{metric_label(metric)}")
    shown.draw(axes, color=INK, linewidth=1.2, marker="o", markersize=size)
    widen(axes, curve.values)
    if np.isfinite(curve.values).any():
        _mark(axes, shown, _best(curve.values, metric), metric)


def _best(values: Values, metric: str) -> int:
    """Find the place of the best value."""
    better = np.nanargmax if metric_of(metric).higher_is_better else np.nanargmin
    return int(better(values))


def _mark(axes: Axes, shown: Curve, place: int, metric: str) -> None:
    """Mark the best value, and write it above the panel."""
    step, best = shown.steps[place], shown.values[place]
    label = f"best: {_value(best, metric)} at step {int(step):,}"
    axes.plot(step, best, "o", color=ORANGE, markersize=8, label=label, gid="best")
    legend_above(axes)


def _value(shown: float, metric: str) -> str:
    return f"{shown:.1f} %" if metric_of(metric).percent else f"{shown:.3f}"


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
    widen(axes, np.concatenate(values))
    _step_ticks(axes, _steps_of(evaluation))
    legend_below(figure, ncols=2)
    return figure


def _steps_of(evaluation: Evaluation) -> Values:
    return np.array(list(evaluation.per_step), dtype=float)


def _mean_and_band(axes: Axes, evaluation: Evaluation) -> Values:
    """Draw the learner's curve; its means are returned."""
    steps = _steps_of(evaluation)
    mean, error = means_and_errors(evaluation.per_step.values(), evaluation.metric)
    axes.fill_between(steps, mean - error, mean + error, color=BLUE, alpha=0.2, linewidth=0)
    axes.plot(steps, mean, color=BLUE, linewidth=1.8, marker="o", markersize=4, label=BAND)
    return mean


def _baseline_lines(axes: Axes, evaluation: Evaluation) -> Values:
    """Draw a line for every baseline that is finite; their values are returned."""
    means, _ = means_and_errors(evaluation.baselines.values(), evaluation.metric)
    finite = np.isfinite(means)
    names = np.array(list(evaluation.baselines), dtype=object)[finite]
    strokes = zip(names, means[finite], cycle(SERIES), cycle(("--", "-.", ":")))
    for name, value, colour, style in strokes:
        axes.axhline(value, color=colour, linestyle=style, linewidth=1.4, label=name)
    return means[finite]


def _step_ticks(axes: Axes, steps: Values) -> None:
    """Mark the numbers of steps; if they are many, the first have most of the room."""
    if steps[-1] > 10:
        axes.set_xscale("function", functions=(_root, np.square))
    axes.set_xticks(steps, [f"{int(step)}" for step in steps])
    axes.spines["bottom"].set_color(GREY)
    _no_minor_ticks(axes)


def _no_minor_ticks(axes: Axes) -> None:
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _root(x: Values) -> Values:
    return np.asarray(np.sqrt(np.maximum(x, 0)))
