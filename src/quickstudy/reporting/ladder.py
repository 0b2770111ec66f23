"""Tells in lines how good the ways of sharing between tasks are on a table."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rich.box import SIMPLE
from rich.table import Table as Lines
from rich.text import Text

from quickstudy.ladder.score import Score
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
    found: dict[str, list[float]] = {}
    for score in scores:
        if score.shot == shot:
            value = score.error if metric is None else score.metrics.get(metric)
            found.setdefault(score.name, []).extend([] if value is None else [value])
    return {name: _mean(values) for name, values in found.items()}


def best_of(found: dict[str, float]) -> str:
    """Name the way with the least error."""
    return min(found, key=lambda name: found[name])


def head_of(metric: str) -> str:
    """Name a metric; if it is of one target, as ``rmse of price``, in a second line."""
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

    A line holds the error, how far it is above the best way's with half the interval of that, other
    metrics, and times. The other metrics are the explained variance or the accuracy, or the error
    of each of several targets of different kinds.
    """
    first, *others = metrics_of(scores)
    standing = Standing.of(scores, shot)
    besides = [(metric, means(scores, shot, metric)) for metric in others]
    lines = []
    for name in standing.errors:
        more = [_cell(metric, values[name]) for metric, values in besides]
        line = [name, f"{standing.mean(name):.4g}", _behind(standing, name), *more]
        lines.append([*line, *_times(standing, name)])
    head = ["way", *map(head_of, (first, *others)), "fit,\ns", "adapt,\nms"]
    head.insert(2, "above\nthe best")
    return head, lines


def footnotes(
    scores: Sequence[Score], shot: int | None, notes: Mapping[str, str] | None = None
) -> list[str]:
    """Say what does not hold of a way: splits it was not run on, tasks it has no model for.

    Args:
        scores: Of all protocols.
        shot: The protocol.
        notes: Why ways were not run on all splits, by their names.
    """
    standing = Standing.of(scores, shot)
    said = {name: _note(standing, name, notes or {}) for name in standing.errors}
    return [f"{name}: {note}." for name, note in said.items() if note]


def _behind(standing: Standing, name: str) -> str:
    """Write how far the error is above the best way's, and the half of its interval."""
    if name == standing.best:
        return "—"
    found = standing.apart(name, standing.best)
    digits = 1 if abs(found.mean) < 1 else 0
    half = f" ± {50 * (found.high - found.low):.{digits}f}" if math.isfinite(found.high) else ""
    return f"{100 * found.mean:.{digits}f}{half} %"


def _times(standing: Standing, name: str) -> list[str]:
    """Write the seconds to fit, and the milliseconds to adapt to a task."""
    own = [score for score in standing.scores if score.name == name]
    values = ([score.fit_seconds for score in own], [score.adapt_ms for score in own])
    return [f"{np.mean(each):.2f}" for each in values]


def _note(standing: Standing, name: str, notes: Mapping[str, str]) -> str:
    """Say what does not hold of a way: splits it was not run on, tasks it has no model for."""
    found = []
    splits = len(standing.errors[name])
    if splits < standing.splits:
        reason = notes.get(name, "broken off")
        found.append(f"{splits} of {standing.splits} splits ({reason})")
    if standing.bare[name] > 0:
        part = f"{standing.bare[name]:.0%} of the tasks have too few rows and get their mean"
        out = ", so it does not count" if standing.bare[name] > MOST_BARE else ""
        found.append(f"{part}{out}")
    return "; ".join(found)


def _cell(metric: str, value: float) -> str:
    return f"{value:.1%}" if metric in PARTS else f"{value:.4g}"


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def left_out(scores: Sequence[Score], notes: Mapping[str, str]) -> list[str]:
    """Say which ways were not run at all: a line for every reason."""
    judged = {score.name for score in scores}
    reasons: dict[str, list[str]] = {}
    for name, reason in notes.items():
        if name not in judged:
            reasons.setdefault(reason, []).append(name)
    return [f"Not run ({reason}): {'; '.join(names)}." for reason, names in reasons.items()]


def lines(scores: Sequence[Score], shot: int | None) -> Lines:
    """Make a table for the terminal of :func:`cells_of`, with the best way in bold."""
    head, rows = cells_of(scores, shot)
    best = Standing.of(scores, shot).best
    table = Lines(title=title_of(shot), caption=note_of(scores) or None, box=SIMPLE)
    table.title_justify = table.caption_justify = "left"
    for name in head:
        names = name == "way"
        table.add_column(Text(name), justify="left" if names else "right", no_wrap=not names)
    for row in rows:
        table.add_row(*row, style="bold" if row[0] == best else None)
    return table


__all__ = [
    "HEADS",
    "best_of",
    "cells_of",
    "footnotes",
    "head_of",
    "left_out",
    "lines",
    "means",
    "metrics_of",
    "note_of",
    "shots_of",
    "title_of",
]
