"""Draws regression on one input: the true curve, and the predictions of the learner."""

from dataclasses import replace
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.reporting.style import BLUE, FAINT, GREY, INK, ORANGE, TICK, new_figure, tidy
from quickstudy.tasks import Family

PANELS = 6
POINTS = 200
STEPS = (0, 1, 5, 10)
STROKES = {
    0: (GREY, ":", 1.4),
    1: (ORANGE, "--", 1.4),
    5: ("#56a5d8", "-", 1.4),
    10: (BLUE, "-", 2.0),
}
TRUE: dict[str, Any] = {
    "color": FAINT,
    "linewidth": 6,
    "solid_capstyle": "round",
    "label": "true curve",
    "gid": "true",
}
SUPPORT: dict[str, Any] = {"color": INK, "markersize": 4, "label": "support", "gid": "support"}


def is_curve(source: Family) -> bool:
    """Say whether the tasks of ``source`` map one number to one number."""
    return source.target.scores == 1 and source.sample(1, Moment()).support.x.shape[2:] == (1,)


def sinusoid_fits(learner: Learner, source: Family, seed: int = 0) -> Figure:
    """Draw six tasks: the true curve, the support points, and predictions on the way.

    The predictions are those after 0, 1, 5 and 10 inner steps. A learner without inner steps has
    one prediction.

    Args:
        learner: The learner.
        source: Regression tasks from one number to one number.
        seed: Chooses the tasks.

    Raises:
        UserError: If the tasks have other shapes.
    """
    require(
        is_curve(source),
        "Curves can be drawn of tasks from one number to one number. Found other shapes.",
    )
    episode = replace(source, query=POINTS).sample(PANELS, Moment(seed, "picture"))
    device = next((parameter.device for parameter in learner.parameters()), torch.device("cpu"))
    x, order = episode.query.x.squeeze(2).sort(1)
    true = episode.query.y.squeeze(2).gather(1, order)
    steps = STEPS if learner.test_steps else (0,)
    states = learner.adaptations(episode.support.to(device), steps)
    drawn = [
        learner.predict(adapted, x.unsqueeze(2).to(device)).squeeze(2).cpu() for adapted in states
    ]
    figure = new_figure(4.6)
    panels = figure.subplots(2, PANELS // 2, sharex=True, sharey=True).flat
    for task, axes in enumerate(panels):
        tidy(axes).set_title(f"task {task + 1}", fontsize=TICK, color=INK)
        axes.plot(x[task], true[task], **TRUE)
        for count, prediction in zip(steps, drawn, strict=True):
            _prediction(axes, x[task], prediction[task], count, bool(learner.test_steps))
        axes.plot(episode.support.x[task, :, 0], episode.support.y[task, :, 0], "o", **SUPPORT)
    _limit(axes, true)
    named = axes.get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=3, frameon=False, fontsize=TICK)
    return figure


def _prediction(axes: Axes, x: Tensor, y: Tensor, count: int, inner: bool) -> None:
    colour, style, width = STROKES[count if inner else 10]
    label = f"after {count} step{'' if count == 1 else 's'}" if inner else "prediction"
    stroke: dict[str, Any] = {"color": colour, "linestyle": style, "linewidth": width}
    axes.plot(x, y, label=label, gid=f"after {count}", **stroke)


def _limit(axes: Axes, true: Tensor) -> None:
    """Show the range of the true curves; a prediction that diverges leaves the panel."""
    low, high = float(true.min()), float(true.max())
    room = 0.25 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
