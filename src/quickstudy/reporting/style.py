"""How every figure looks, without any global state of matplotlib."""

import io

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Values = NDArray[np.float64]

INK, GREY, FAINT = "#222222", "#767676", "#d9d9d9"
BLUE, ORANGE, GREEN, PURPLE, RED = "#0072b2", "#d98200", "#00835f", "#8a4f9e", "#d4001a"
SERIES = (ORANGE, GREEN, PURPLE, GREY)
LABEL, TICK = 10, 9
WIDTH = 6.0  # inches: narrow, so that letters stay legible where a page is


def new_figure(height: float) -> Figure:
    """An empty figure of ``height`` inches that belongs to nobody but the caller."""
    return Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")


def tidy(axes: Axes, x: str = "", y: str = "") -> Axes:
    """Name the axes of a panel, and take away the ink that says nothing."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=TICK, colors=INK, color=GREY)
    axes.set_xlabel(x, fontsize=LABEL, color=INK)
    axes.set_ylabel(y, fontsize=LABEL, color=INK)
    return axes


def metric_label(metric: str) -> str:
    """``"accuracy (%)"`` or ``"mean squared error"``."""
    return metric.replace("_", " ") + (" (%)" if metric == "accuracy" else "")


def metric_scale(metric: str) -> float:
    """What a value is multiplied with to be shown: 100 for accuracies, which are shown in percent."""
    return 100.0 if metric == "accuracy" else 1.0


def spans_decades(values: Values) -> bool:
    """Whether positive ``values`` differ so much (30 times) that only a logarithmic axis shows them all."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and finite.min() > 0 and finite.max() > 30 * finite.min())


def png(figure: Figure) -> bytes:
    """The figure as a PNG file's bytes, the same for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160)
    return buffer.getvalue()
