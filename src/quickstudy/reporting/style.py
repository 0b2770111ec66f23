"""The style of every figure, without any global state of matplotlib."""

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from quickstudy.targets import metric_of

Values = NDArray[np.float64]

INK = "#222222"
GREY = "#767676"
FAINT = "#d9d9d9"
BLUE = "#0072b2"
ORANGE = "#d98200"
GREEN = "#00835f"
PURPLE = "#8a4f9e"
RED = "#d4001a"
SERIES = (ORANGE, GREEN, PURPLE, GREY)
LABEL, TICK = 10, 9
# inches: narrow, so that letters stay legible on a page
WIDTH = 6.0
DECADES = 30
"""The least ratio of values for a logarithmic axis."""
LEGEND: dict[str, Any] = {"frameon": False, "fontsize": TICK}


def new_figure(height: float) -> Figure:
    """Make an empty figure of ``height`` inches that belongs only to the caller."""
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def tidy(axes: Axes, x: str = "", y: str = "") -> Axes:
    """Name the axes of a panel, and remove needless ink."""
    axes.set_xlabel(x, fontsize=LABEL, color=INK)
    axes.set_ylabel(y, fontsize=LABEL, color=INK)
    _quiet(axes)
    return axes


def _quiet(axes: Axes) -> None:
    """Reduce the frame to two thin lines and a pale grid."""
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    _thin_frame(axes)


def _thin_frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(labelsize=TICK, colors=INK, color=GREY)


def legend_above(axes: Axes) -> None:
    """Put the legend of a panel above its right corner, outside, so that it hides no curve."""
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderpad=0, borderaxespad=0.2, **LEGEND
    )


def legend_below(figure: Figure, ncols: int, **shown: Any) -> None:
    """Put one legend below all panels; ``shown`` are its handles and labels, by default all."""
    figure.legend(loc="outside lower center", ncols=ncols, **shown, **LEGEND)


def metric_label(metric: str) -> str:
    """Name a metric on an axis: ``"accuracy (%)"``, ``"mean squared error"``."""
    return metric.replace("_", " ") + (" (%)" if metric_of(metric).percent else "")


def metric_scale(metric: str) -> float:
    """Give the factor of the values that are shown: 100 for accuracies, shown in percent."""
    return 100.0 if metric_of(metric).percent else 1.0


def spans_decades(values: Values) -> bool:
    """Say whether positive ``values`` differ so much that they need a logarithmic axis."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > DECADES * finite.min())


def widen(axes: Axes, values: Values) -> None:
    """Make the vertical axis logarithmic if ``values`` need it."""
    if spans_decades(values):
        axes.set_yscale("log")


def png(figure: Figure) -> bytes:
    """Give the bytes of a PNG file of the figure; equal figures have equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()
