"""Regression on one input: the curve a task asks for, and what the learner draws."""

from dataclasses import replace

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.reporting.style import BLUE, FAINT, GREY, INK, ORANGE, TICK, new_figure, tidy
from quickstudy.tasks import Family

PANELS, POINTS = 6, 200
STEPS = (0, 1, 5, 10)
STROKES = {
    0: (GREY, ":", 1.4),
    1: (ORANGE, "--", 1.4),
    5: ("#56a5d8", "-", 1.4),
    10: (BLUE, "-", 2.0),
}


def is_curve(source: Family) -> bool:
    """Whether the tasks of ``source`` map one number to one number."""
    return source.target.scores == 1 and source.sample(1, Moment()).support.x.shape[2:] == (1,)


def sinusoid_fits(learner: Learner, source: Family, seed: int = 0) -> Figure:
    """Six tasks: the true curve, the support points, and the prediction after 0, 1, 5 and 10 inner
    steps.

    A learner without inner steps has one prediction.

    Args:
        learner: The learner.
        source: Regression tasks from one number to one number.
        seed: Which tasks are drawn.

    Raises:
        UserError: If the tasks are others.
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
        axes.plot(
            x[task],
            true[task],
            color=FAINT,
            linewidth=6,
            solid_capstyle="round",
            label="true curve",
            gid="true",
        )
        for count, prediction in zip(steps, drawn, strict=True):
            _prediction(axes, x[task], prediction[task], count, bool(learner.test_steps))
        axes.plot(
            episode.support.x[task, :, 0],
            episode.support.y[task, :, 0],
            "o",
            color=INK,
            markersize=4,
            label="support",
            gid="support",
        )
    _limit(axes, true)
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        frameon=False,
        fontsize=TICK,
    )
    return figure


def _prediction(axes: Axes, x: Tensor, y: Tensor, count: int, inner: bool) -> None:
    colour, style, width = STROKES[count if inner else 10]
    label = f"after {count} step{'' if count == 1 else 's'}" if inner else "prediction"
    axes.plot(
        x, y, color=colour, linestyle=style, linewidth=width, label=label, gid=f"after {count}"
    )


def _limit(axes: Axes, true: Tensor) -> None:
    """The true curves decide what is seen: a prediction that diverges leaves the panel."""
    low, high = float(true.min()), float(true.max())
    room = 0.25 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
