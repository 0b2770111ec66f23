"""Writes lines on the errors of the ways of sharing between tasks on a table."""

import math
from collections.abc import Mapping, Sequence
from statistics import mean

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from quickstudy.ladder.score import Score, by_name
from quickstudy.ladder.standing import MOST_BARE, Standing

HEADS = {
    "rmse": "RMSE",
    "explained_variance": "explained",
    "log_loss": "log-loss",
    "accuracy": "accuracy",
    "error": "error",
}
PARTS = ("explained_variance", "accuracy")
ERROR = (
    "Error: the mean over targets of the log-loss, and of the RMSE in standard deviations of the "
    "target."
)
"""The metric that decides if targets are of different kinds."""


def shots_of(scores: Sequence[Score]) -> list[int | None]:
    """List the protocols: None for new rows of known tasks, else the rows seen of unseen tasks."""
    return list(dict.fromkeys(score.shot for score in scores))


def means(scores: Sequence[Score], shot: int | None, metric: str | None = None) -> dict[str, float]:
    """Average the error of every way, or another ``metric``, over the splits that have it."""
    own = by_name(score for score in scores if score.shot == shot)
    return {name: _mean_of(found, metric) for name, found in own.items()}


def _mean_of(scores: Sequence[Score], metric: str | None) -> float:
    """Average the error, or a metric, over the scores that have it; NaN if no score has it."""
    if metric is None:
        return mean(score.error for score in scores)
    found = [score.metrics[metric] for score in scores if metric in score.metrics]
    return mean(found) if found else math.nan


def best_of(found: dict[str, float]) -> str:
    """Name the way with the least error."""
    return min(found, key=lambda name: found[name])


def head_of(metric: str) -> str:
    """Name a metric; the name of its target, as in ``rmse of price``, is on a second line."""
    name, _, target = metric.partition(" of ")
    return f"{target}\n{HEADS[name]}" if target else HEADS[name]


def metrics_of(scores: Sequence[Score]) -> list[str]:
    """List the metrics, the one that decides first."""
    return list(dict.fromkeys(name for score in scores for name in score.metrics))


def title_of(shot: int | None) -> str:
    """Name a protocol."""
    return "New rows of known tasks" if shot is None else f"Unseen tasks, K = {shot}"


def note_of(scores: Sequence[Score]) -> str:
    """Explain the metrics; empty if targets are of one kind."""
    return ERROR if "error" in scores[0].metrics else ""


def cells_of(scores: Sequence[Score], shot: int | None) -> tuple[list[str], list[list[str]]]:
    """Give a head, and a line for every way.

    A line holds the error, its relative excess over the best way with half the interval, other
    metrics, and times. The other metrics are the explained variance or the accuracy, or the error
    of each of several targets of different kinds.
    """
    standing = Standing.of(scores, shot)
    besides = {metric: means(scores, shot, metric) for metric in metrics_of(scores)[1:]}
    return _head(metrics_of(scores)), [_line(standing, name, besides) for name in standing.errors]


def _head(metrics: Sequence[str]) -> list[str]:
    """Give the heads of the columns."""
    first, *others = map(head_of, metrics)
    return ["way", first, "above\nthe best", *others, "fit,\ns", "adapt,\nms"]


def _line(standing: Standing, name: str, besides: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Write the line of a way."""
    more = [_cell(metric, values[name]) for metric, values in besides.items()]
    error = f"{standing.mean(name):.4g}"
    return [name, error, _behind(standing, name), *more, *_times(standing.by_way[name])]


def footnotes(
    scores: Sequence[Score], shot: int | None, notes: Mapping[str, str] | None = None
) -> list[str]:
    """Name the exceptions of each way: splits it was not run on, tasks it has no model for.

    Args:
        scores: The scores of all protocols.
        shot: The protocol.
        notes: Why ways were not run on all splits, by their names.
    """
    standing = Standing.of(scores, shot)
    said = {name: _note(standing, name, notes or {}) for name in standing.errors}
    return [f"{name}: {note}." for name, note in said.items() if note]


def _behind(standing: Standing, name: str) -> str:
    """Write the relative excess of the error over the best way, and half its interval."""
    if name == standing.best:
        return "—"
    found = standing.apart(name, standing.best)
    digits = 1 if abs(found.mean) < 1 else 0
    half = f" ± {50 * (found.high - found.low):.{digits}f}" if math.isfinite(found.high) else ""
    return f"{100 * found.mean:.{digits}f}{half} %"


def _times(scores: Sequence[Score]) -> list[str]:
    """Write the seconds to fit, and the milliseconds to adapt to a task."""
    fit, adapt = (mean(score.fit_seconds for score in scores), mean(s.adapt_ms for s in scores))
    return [f"{fit:.2f}", f"{adapt:.2f}"]


def _note(standing: Standing, name: str, notes: Mapping[str, str]) -> str:
    """Name the exceptions of a way."""
    return "; ".join([*_missing(standing, name, notes), *_bare(standing.bare[name])])


def _missing(standing: Standing, name: str, notes: Mapping[str, str]) -> list[str]:
    """Say on how many splits a way was run, and why, if it was not run on all."""
    splits = len(standing.errors[name])
    if splits == standing.splits:
        return []
    return [f"{splits} of {standing.splits} splits ({notes.get(name, 'broken off')})"]


def _bare(part: float) -> list[str]:
    """Say which fraction of the tasks has no model, if any."""
    if not part:
        return []
    out = ", so it does not count" if part > MOST_BARE else ""
    return [f"{part:.0%} of the tasks have too few rows and get their mean{out}"]


def _cell(metric: str, value: float) -> str:
    return f"{value:.1%}" if metric in PARTS else f"{value:.4g}"


def left_out(scores: Sequence[Score], notes: Mapping[str, str]) -> list[str]:
    """Say which ways were not run at all: a line for every reason."""
    judged = by_name(scores)
    lacking = [name for name in notes if name not in judged]
    reasons = dict.fromkeys(notes[name] for name in lacking)
    return [_not_run(reason, lacking, notes) for reason in reasons]


def _not_run(reason: str, names: Sequence[str], notes: Mapping[str, str]) -> str:
    """List the ways that were not run for a reason."""
    own = [name for name in names if notes[name] == reason]
    return f"Not run ({reason}): {'; '.join(own)}."


def ladder_lines(scores: Sequence[Score], shot: int | None) -> Table:
    """Make a table for the terminal, with the best way in bold."""
    head, rows = cells_of(scores, shot)
    best = Standing.of(scores, shot).best
    table = _table(title_of(shot), note_of(scores), head)
    for row in rows:
        table.add_row(*row, style="bold" if row[0] == best else None)
    return table


def _table(title: str, note: str, head: Sequence[str]) -> Table:
    """Make a table without lines; the first column is left."""
    table = Table(title=title, caption=note or None, box=SIMPLE)
    table.title_justify = table.caption_justify = "left"
    table.add_column(head[0])
    for name in head[1:]:
        table.add_column(Text(name), justify="right", no_wrap=True)
    return table


__all__ = [
    "HEADS",
    "best_of",
    "cells_of",
    "footnotes",
    "head_of",
    "ladder_lines",
    "left_out",
    "means",
    "metrics_of",
    "note_of",
    "shots_of",
    "title_of",
]
