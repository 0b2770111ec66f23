"""Draws one segmentation task: its images, their true masks, and the masks of the learner."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.reporting.asked import drawn_task, scores_of
from quickstudy.reporting.episode_layout import COLOURS
from quickstudy.reporting.shades import Shades, can_be_shown
from quickstudy.reporting.style import FAINT, INK, TICK, WIDTH, new_figure
from quickstudy.targets import Pixels
from quickstudy.tasks import TaskSource

MOST_EXAMPLES = 6
"""The most support examples, and the most queries, that are drawn."""
ROWS = ("support", "its mask", "query", "true mask", "predicted")
"""The rows of the picture, from the top down."""
WIDEST = 1.6
"""The most inches of an image."""
PALETTE = torch.tensor([to_rgb(colour) for colour in (FAINT, *COLOURS)])
"""Colours of the classes ``[class, channel]``; class 0, mostly the background, is grey."""


@dataclass(frozen=True, eq=False)
class Masked:
    """A query with its masks.

    Attributes:
        image: The query ``[channel, height, width]``.
        truth: The true class of every pixel ``[height, width]``.
        predicted: The class that the learner gives to every pixel ``[height, width]``.
        mean_iou: The mean intersection over union of the query's classes.
    """

    image: Tensor
    truth: Tensor
    predicted: Tensor
    mean_iou: float

    @property
    def caption(self) -> str:
        """The mean intersection over union, in percent."""
        return f"IoU {100 * self.mean_iou:.0f} %" if np.isfinite(self.mean_iou) else "no answer"


def asks_for_masks(source: TaskSource) -> bool:
    """Say whether tasks of ``source`` ask for the class of every pixel of an image."""
    return isinstance(source.target, Pixels) and _are_images(drawn_task(source, 0).query.x)


def _are_images(x: Tensor) -> bool:
    return x.ndim == 5 and can_be_shown(x)


def pixel_picture(learner: Learner, source: TaskSource, seed: int = 0) -> Figure:
    """Draw a task: support images with their masks, and queries with a true and a predicted mask.

    A class has one colour in all masks. Unmarked pixels are white.

    Args:
        learner: The learner.
        source: Tasks of grey or colour images with the target :class:`~quickstudy.targets.Pixels`.
        seed: Chooses the task.

    Raises:
        UserError: If the tasks have another target, or other inputs.
    """
    require(
        asks_for_masks(source),
        "A picture of masks needs images [task, example, channel, height, width] with the target "
        f"Pixels. Found the target {source.target}.",
    )
    episode = drawn_task(source, seed)
    support, queries = _real(episode.support), masks(learner, episode)
    columns = min(MOST_EXAMPLES, max(len(support.x[0]), len(queries)))
    figure, grid = _panels(columns, support.x)
    _draw_support(grid[:2], support)
    _draw_queries(grid[2:], queries, support)
    return figure


def masks(learner: Learner, episode: Episode) -> list[Masked]:
    """Give the masks of the real queries of the first task of ``episode``."""
    scores = scores_of(learner, episode)[0][episode.query.mask[0] > 0]
    query = _real(episode.query)
    values = _mean_ious(query, scores)
    rows = zip(query.x[0], query.y[0], query.target.answers(scores), values, strict=True)
    return [Masked(*row) for row in rows]


def _mean_ious(query: Batch, scores: Tensor) -> list[float]:
    """Measure the mean intersection over union of every query separately."""
    # every query is a task of one example
    values = query.target.values(scores.unsqueeze(1), query.y[0].unsqueeze(1))
    return values["mean_iou"].tolist()


def _real(batch: Batch) -> Batch:
    """Give the real examples of the first task."""
    real = batch.mask[0] > 0
    return batch.each(lambda values: values[:1, real])


def _panels(columns: int, x: Tensor) -> tuple[Figure, np.ndarray]:
    """Make a figure and its panels ``[row, column]``, of the proportions of the images ``x``."""
    figure = new_figure(len(ROWS) * _row_height(columns, x) + 0.8)
    grid = figure.subplots(len(ROWS), columns, squeeze=False)
    for axes in grid.flat:
        _empty(axes)
    for axes, name in zip(grid[:, 0], ROWS, strict=True):
        axes.set_ylabel(name, fontsize=TICK, color=INK)
    return figure, grid


def _row_height(columns: int, x: Tensor) -> float:
    """Give the inches of a row of ``columns`` images."""
    width = min(WIDEST, (WIDTH - 0.7) / columns)
    return width * x.shape[-2] / x.shape[-1] + 0.06


def _empty(axes: Axes) -> None:
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _draw_support(grid: np.ndarray, support: Batch) -> None:
    shades = Shades.of(support.x)
    for column, image, y in zip(grid.T, support.x[0], support.y[0], strict=False):
        shades.draw(column[0], image, gid="support")
        _draw_mask(column[1], coloured(y, support.target.scores), "support mask")


def _draw_queries(grid: np.ndarray, queries: Sequence[Masked], support: Batch) -> None:
    shades, classes = Shades.of(support.x), support.target.scores
    for column, query in zip(grid.T, queries, strict=False):
        shades.draw(column[0], query.image, gid="query")
        _draw_masks(column[1:], query, classes)


def _draw_masks(column: np.ndarray, query: Masked, classes: int) -> None:
    _draw_mask(column[0], coloured(query.truth, classes), "true mask")
    _draw_mask(column[1], coloured(query.predicted, classes), "predicted mask")
    _write_below(column[1], query.caption)


def _write_below(axes: Axes, text: str) -> None:
    axes.set_xlabel(text, fontsize=TICK, color=INK)


def _draw_mask(axes: Axes, colours: Tensor, gid: str) -> None:
    axes.imshow(colours.numpy(), interpolation="nearest", gid=gid)


def coloured(labels: Tensor, classes: int) -> Tensor:
    """Give the colours ``[height, width, channel]`` of the labels of pixels ``[height, width]``.

    A label that is not in ``classes`` is white. Beyond 17 classes, colours repeat.
    """
    colours = PALETTE[labels.long() % len(PALETTE)]
    is_class = (labels >= 0) & (labels < classes)
    return colours.where(is_class.unsqueeze(-1), 1.0)
