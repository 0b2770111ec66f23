"""Writes the page of the ladder: which way of sharing between tasks a table rewards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from quickstudy.cache import write_atomically
from quickstudy.ladder.score import Score
from quickstudy.ladder.standing import Standing
from quickstudy.reporting import markup
from quickstudy.reporting.figures import Shown
from quickstudy.reporting.ladder import (
    HEADS,
    cells_of,
    footnotes,
    left_out,
    note_of,
    shots_of,
    title_of,
)
from quickstudy.reporting.settings import flat
from quickstudy.reporting.style import BLUE, FAINT, GREY, LABEL, new_figure, tidy
from quickstudy.reporting.verdict import verdict

READING = (
    "Further left is better. A dot is the mean over the splits, hollow if some were left out, a "
    "stroke is a split, the blue dot is the best. From the top down: a task alone, one model for "
    "all rows, plain methods that see the task, ways that learn to learn."
)
BELOW_NUMBERS = (
    "Above the best: the mean difference over the splits, in per cent, ± half of its 95 % "
    "interval, which is paired over the splits and corrected because they share rows."
)
STROKE: dict[str, Any] = {
    "color": GREY,
    "alpha": 0.6,
    "markersize": 9,
    "zorder": 2,
    "gid": "splits",
}
AT_THE_EDGE: dict[str, Any] = {
    "xycoords": ("axes fraction", "data"),
    "ha": "right",
    "va": "center",
    "color": GREY,
}


def ladder_chart(scores: Sequence[Score], shot: int | None) -> Figure:
    """Draw the error of every way, from the bottom of the ladder to its top.

    A dot is the mean over the splits, a stroke is a split.

    Args:
        scores: The scores of :func:`~quickstudy.ladder.ladder.ladder_rows` or
            :func:`~quickstudy.ladder.ladder.ladder_tasks`.
        shot: Rows that are seen of an unseen task; None for new rows of known tasks.
    """
    standing = Standing.of(scores, shot)
    found = {name: standing.mean(name) for name in standing.errors}
    figure = new_figure(1.0 + 0.32 * len(found))
    axes = tidy(figure.subplots(), HEADS[next(iter(scores[0].metrics))])
    axes.grid(axis="y", visible=False)
    for place, (name, mean) in enumerate(found.items()):
        splits = list(standing.errors[name].values())
        axes.plot(splits, [place] * len(splits), "|", **STROKE)
        axes.plot(mean, place, "o", **_dot(standing, name))
    _fit_most(axes, found, [score.error for score in scores if score.shot == shot])
    axes.set_yticks(range(len(found)), list(found), fontsize=LABEL)
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)
    return figure


def _dot(standing: Standing, name: str) -> dict[str, Any]:
    """Style the dot of a way: blue for the best, hollow if it was not run on all splits."""
    colour = BLUE if name == standing.best else GREY
    whole = len(standing.errors[name]) == standing.splits
    face = colour if whole else "white"
    return {"color": colour, "mfc": face, "markersize": 7, "zorder": 3, "gid": "mean"}


def _fit_most(axes: Axes, found: dict[str, float], errors: Sequence[float]) -> None:
    """Choose a range that tells the good ways apart.

    A way that is far worse than the middle one stands at the edge, with its number.
    """
    low, middle = min(errors), float(np.median(list(found.values())))
    high = min(max(errors), low + 3 * max(middle - low, 0.02 * low, 1e-12))
    margin = 0.06 * max(high - low, 1e-12)
    axes.set_xlim(low - margin, high + margin)
    for place, value in enumerate(found.values()):
        if value > high + margin:
            axes.annotate(f"{value:.4g} →", (1, place), **AT_THE_EDGE)


def write_ladder(
    folder: str | Path,
    scores: Sequence[Score],
    title: str,
    kept: Sequence[str] = (),
    settings: object = None,
    notes: Mapping[str, str] | None = None,
) -> Path:
    """Write ``folder/report.html``, which needs nothing outside itself.

    Its figures are also written to ``folder/figures``.

    Args:
        folder: The folder of the page.
        scores: The scores of the ladder.
        title: Heading of the page.
        kept: Sentences on the ways that were kept.
        settings: How it was measured, plain values by name.
        notes: Why ways were not run on all splits, by their names.

    Returns:
        The path of the page.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = Path(folder)
    said = (*verdict(scores), note_of(scores), *kept, *left_out(scores, notes or {}))
    words = [markup.element("p", line) for line in said if line]
    body = [markup.element("h1", title), markup.section("In short", words, "result")]
    body += [_protocol(folder, scores, shot, notes) for shot in shots_of(scores)]
    if isinstance(settings, dict):
        body.append(markup.section("How it was measured", [markup.settings(flat(settings))]))
    page = folder / "report.html"
    write_atomically(page, markup.document(title, body).encode())
    return page


def _protocol(
    folder: Path, scores: Sequence[Score], shot: int | None, notes: Mapping[str, str] | None
) -> str:
    """Give the section of a protocol: its figure, and its numbers, best first."""
    name = "ladder-rows" if shot is None else f"ladder-{shot}-shot"
    head, rows = cells_of(scores, shot)
    alt = f"The error of {len(rows)} ways, with the numbers of the table below."
    shown = Shown(name, title_of(shot), READING, alt, ladder_chart(scores, shot))
    order = Standing.of(scores, shot).best_first
    best_first = sorted(rows, key=lambda row: order.index(row[0]))
    parts = [shown.keep(folder), markup.numbers(head, best_first)]
    parts.append(markup.element("p", BELOW_NUMBERS))
    parts += [markup.element("p", note) for note in footnotes(scores, shot, notes)]
    return markup.section(shown.title, parts)


__all__ = ["ladder_chart", "write_ladder"]
