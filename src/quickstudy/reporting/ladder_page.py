"""Writes the page of the ladder: the best ways of sharing between the tasks of a table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

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
    metrics_of,
    note_of,
    shots_of,
    title_of,
)
from quickstudy.reporting.settings import flat
from quickstudy.reporting.style import BLUE, FAINT, GREY, LABEL, new_figure, tidy
from quickstudy.reporting.verdict import verdict

Notes = Mapping[str, str]
"""Why ways were not run on all splits, by their names."""
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
DOT: dict[str, Any] = {"markersize": 7, "zorder": 3, "gid": "mean"}
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
    figure = new_figure(1.0 + 0.32 * len(standing.errors))
    axes = tidy(figure.subplots(), HEADS[metrics_of(scores)[0]])
    for place, name in enumerate(standing.errors):
        _draw(axes, standing, name, place)
    _fit_most(axes, standing)
    _name_lines(axes, list(standing.errors))
    return figure


def _draw(axes: Axes, standing: Standing, name: str, place: int) -> None:
    """Draw the strokes and the dot of a way."""
    splits = list(standing.errors[name].values())
    axes.plot(splits, [place] * len(splits), "|", **STROKE)
    axes.plot(standing.mean(name), place, "o", **_dot(standing, name))


def _dot(standing: Standing, name: str) -> dict[str, Any]:
    """Style the dot of a way: blue for the best, hollow if it was not run on all splits."""
    colour = BLUE if name == standing.best else GREY
    whole = len(standing.errors[name]) == standing.splits
    return DOT | {"color": colour, "mfc": colour if whole else "white"}


def _name_lines(axes: Axes, names: Sequence[str]) -> None:
    """Write the ways beside their lines, the first on top."""
    axes.grid(axis="y", visible=False)
    axes.set_yticks(range(len(names)), names, fontsize=LABEL)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(FAINT)


def _fit_most(axes: Axes, standing: Standing) -> None:
    """Choose a range that separates the good ways.

    A way that is far worse than the median way is drawn at the edge, with its number.
    """
    low, high = _range(standing)
    margin = 0.06 * max(high - low, 1e-12)
    axes.set_xlim(low - margin, high + margin)
    for place, name in enumerate(standing.errors):
        if standing.mean(name) > high + margin:
            axes.annotate(f"{standing.mean(name):.4g} →", (1, place), **AT_THE_EDGE)


def _range(standing: Standing) -> tuple[float, float]:
    """Give the least error, and the largest that is shown."""
    errors = [score.error for score in standing.scores]
    low, middle = min(errors), median(map(standing.mean, standing.errors))
    return low, min(max(errors), low + 3 * max(middle - low, 0.02 * low, 1e-12))


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
        settings: The settings of the comparison, plain values by name.
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
    body += [_protocol(folder, scores, shot, notes or {}) for shot in shots_of(scores)]
    page = folder / "report.html"
    body += _measured(settings)
    write_atomically(page, markup.document(title, body).encode())
    return page


def _measured(settings: object) -> list[str]:
    """Give the section of the settings, if there are any."""
    if not isinstance(settings, dict):
        return []
    return [markup.section("How it was measured", [markup.settings(flat(settings))])]


def _protocol(folder: Path, scores: Sequence[Score], shot: int | None, notes: Notes) -> str:
    """Give the section of a protocol: its figure, and its numbers, best first."""
    figure = _shown(scores, shot).keep(folder)
    below = [BELOW_NUMBERS, *footnotes(scores, shot, notes)]
    words = [markup.element("p", line) for line in below]
    return markup.section(title_of(shot), [figure, _numbers(scores, shot), *words])


def _shown(scores: Sequence[Score], shot: int | None) -> Shown:
    """Give the figure of a protocol, with its words."""
    name = "ladder-rows" if shot is None else f"ladder-{shot}-shot"
    ways = len(Standing.of(scores, shot).errors)
    alt = f"The error of {ways} ways, with the numbers of the table below."
    return Shown(name, title_of(shot), READING, alt, ladder_chart(scores, shot))


def _numbers(scores: Sequence[Score], shot: int | None) -> str:
    """Give the table of a protocol, best first."""
    head, rows = cells_of(scores, shot)
    order = Standing.of(scores, shot).best_first
    return markup.numbers_table(head, sorted(rows, key=lambda row: order.index(row[0])))


__all__ = ["ladder_chart", "write_ladder"]
