"""Draws regression on one input: the true curve, and the predictions of the learner."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.random import Moment
from quickstudy.reporting.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    ORANGE,
    TICK,
    legend_below,
    new_figure,
    tidy,
)
from quickstudy.tasks import Family
from quickstudy.training.collect import device_of

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

    The predictions are taken after 0, 1, 5 and 10 inner steps. A learner without inner steps has
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
    fits = Fits.of(learner, replace(source, query=POINTS).sample(PANELS, Moment(seed, "picture")))
    figure = new_figure(4.6)
    panels = figure.subplots(2, PANELS // 2, sharex=True, sharey=True).flat
    for task, axes in enumerate(panels):
        tidy(axes).set_title(f"task {task + 1}", fontsize=TICK, color=INK)
        fits.draw(axes, task)
    _limit(axes, fits.true)
    handles, labels = axes.get_legend_handles_labels()
    legend_below(figure, ncols=3, handles=handles, labels=labels)
    return figure


@dataclass(frozen=True, eq=False)
class Fits:
    """The curves of several tasks, in the order of their inputs.

    Attributes:
        support: The points that the learner is given.
        x: Inputs ``[task, point]``.
        true: The true curves ``[task, point]``.
        predicted: For each number of inner steps, the predictions ``[task, point]``.
        inner: Whether the learner takes inner steps; otherwise the only prediction has number 0.
    """

    support: Batch
    x: Tensor
    true: Tensor
    predicted: dict[int, Tensor]
    inner: bool

    @classmethod
    def of(cls, learner: Learner, episode: Episode) -> "Fits":
        """Ask the learner for the queries of ``episode``."""
        x, order = episode.query.x.squeeze(2).sort(1)
        true = episode.query.y.squeeze(2).gather(1, order)
        inner = bool(learner.test_steps)
        predicted = _predictions(learner, episode.support, x, STEPS if inner else (0,))
        return cls(episode.support, x, true, predicted, inner)

    def draw(self, axes: Axes, task: int) -> None:
        """Draw one task."""
        axes.plot(self.x[task], self.true[task], **TRUE)
        for count, y in self.predicted.items():
            axes.plot(self.x[task], y[task], gid=f"after {count}", **_stroke(count, self.inner))
        axes.plot(self.support.x[task, :, 0], self.support.y[task, :, 0], "o", **SUPPORT)


def _predictions(
    learner: Learner, support: Batch, x: Tensor, steps: Sequence[int]
) -> dict[int, Tensor]:
    """Predict at ``x`` ``[task, point]`` after each number of inner steps."""
    device = device_of(learner)
    states = learner.adaptations(support.to(device), steps)
    inputs = x.unsqueeze(2).to(device)
    predicted = (learner.predict(adapted, inputs).squeeze(2).cpu() for adapted in states)
    return dict(zip(steps, predicted, strict=True))


def _stroke(count: int, inner: bool) -> dict[str, Any]:
    """Give label and line of a prediction after ``count`` inner steps, or of the only one."""
    colour, style, width = STROKES[count if inner else 10]
    label = f"after {count} step{'' if count == 1 else 's'}" if inner else "prediction"
    return {"label": label, "color": colour, "linestyle": style, "linewidth": width}


def _limit(axes: Axes, true: Tensor) -> None:
    """Show the range of the true curves; a prediction that diverges leaves the panel."""
    low, high = float(true.min()), float(true.max())
    room = 0.25 * max(high - low, 1e-6)
    axes.set_ylim(low - room, high + room)
