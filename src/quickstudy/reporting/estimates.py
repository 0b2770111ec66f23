"""Draws estimates side by side: a learner and its baselines, or the groups of a pool."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
BAR: dict[str, Any] = {"height": 0.62, "color": BLUE, "alpha": 0.28, "linewidth": 0}
TEXT: dict[str, Any] = {"fontsize": TICK, "color": INK}


def chance_of(evaluation: Evaluation) -> float | None:
    """Give the accuracy of guessing, one over the way.

    It is None for regression, or if the way varies.
    """
    way = evaluation.source.get("way")
    return 1 / way if evaluation.metric == "accuracy" and isinstance(way, int) else None


def means_and_errors(estimates: Iterable[Estimate], metric: str) -> tuple[Values, Values]:
    """Give means and half intervals ``[estimate]``, in the unit in which ``metric`` is shown.

    An interval that is not known is 0.
    """
    every, scale = list(estimates), metric_scale(metric)
    means = np.array([estimate.mean for estimate in every], dtype=float)
    errors = np.array([estimate.ci95 for estimate in every], dtype=float)
    return scale * means, scale * np.nan_to_num(errors)


@dataclass(frozen=True)
class Dots:
    """A chart of one row for every estimate, from the top down.

    Attributes:
        rows: Names and estimates.
        metric: The metric of the estimates.
        emphasis: The name of the row that is coloured; None colours every row.
    """

    rows: Sequence[tuple[str, Estimate]]
    metric: str
    emphasis: str | None = None

    @property
    def names(self) -> list[str]:
        """The names of the rows."""
        return [name for name, _ in self.rows]

    @property
    def estimates(self) -> list[Estimate]:
        """The estimates of the rows."""
        return [estimate for _, estimate in self.rows]

    def draw(self, axes: Axes) -> None:
        """Draw a dot with its interval for every row, and its number beside it."""
        tidy(axes, metric_label(self.metric)).grid(axis="y", visible=False)
        means, errors = means_and_errors(self.estimates, self.metric)
        for place, name in enumerate(self.names):
            axes.errorbar(means[place], place, xerr=errors[place], color=self._colour(name), **DOT)
        _limit(axes, means, self.metric)
        _name_rows(axes, self.names)
        self._write_numbers(axes)

    def _write_numbers(self, axes: Axes) -> None:
        for place, estimate in enumerate(self.estimates):
            _write(axes, place, written(estimate, self.metric, tasks=False))

    def _colour(self, name: str) -> str:
        return BLUE if self.emphasis in (None, name) else GREY


def baselines_chart(evaluation: Evaluation) -> Figure:
    """Draw the learner beside the plain baselines, each with its 95 % interval."""
    rows = [(LEARNER, evaluation.estimate), *evaluation.baselines.items()]
    figure = new_figure(1.1 + 0.42 * len(rows))
    axes = figure.subplots()
    Dots(rows, evaluation.metric, LEARNER).draw(axes)
    _mark_chance(axes, chance_of(evaluation))
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
    dots = Dots(sorted(groups.items(), key=lambda row: _rank(row[1])), "accuracy")
    figure = new_figure(1.1 + 0.3 * len(groups))
    axes = figure.subplots()
    _draw_bars(axes, dots)
    dots.draw(axes)
    _mark_chance(axes, chance)
    return figure


def _draw_bars(axes: Axes, dots: Dots) -> None:
    """Draw a bar from 0 to every mean."""
    means, _ = means_and_errors(dots.estimates, dots.metric)
    axes.barh(range(len(means)), np.nan_to_num(means), **BAR)


def _rank(estimate: Estimate) -> float:
    """Order estimates from the best to the worst; diverged ones come last."""
    return -estimate.mean if math.isfinite(estimate.mean) else math.inf


def _limit(axes: Axes, means: Values, metric: str) -> None:
    if metric_of(metric).percent:
        axes.set_xlim(0, 100)
    elif spans_decades(means):
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)


def _mark_chance(axes: Axes, chance: float | None) -> None:
    """Draw the accuracy of guessing as a line, if it is known."""
    if chance is None:
        return
    percent, side = 100 * chance, "left" if chance < 0.5 else "right"
    axes.axvline(percent, color=INK, linestyle=":", linewidth=1.2, gid="chance")
    place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate(f"guessing {percent:.3g} %", (percent, 1), (3, 2), ha=side, **place, **TEXT)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=LABEL)
    axes.set_ylim(len(names) - 0.4, -0.6)
    _fade_left(axes)


def _fade_left(axes: Axes) -> None:
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)


def _write(axes: Axes, place: int, text: str) -> None:
    """Write ``text`` to the right of the panel, in the row ``place``."""
    beside: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "annotation_clip": False}
    axes.annotate(text, (1.02, place), va="center", **beside, **TEXT)
