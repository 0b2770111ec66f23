"""The ladder in words and lines: which way of sharing between tasks a table rewards."""

import math
from collections.abc import Sequence

import numpy as np
from rich.table import Table as Lines
from rich.text import Text

from quickstudy.ladder.ladder import Score

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
"""What decides where targets are of different kinds."""
ALONE = ("support mean", "majority", "single task")
POOLED = ("pooled, ridge", "pooled, logistic", "pooled, linear")


def shots_of(scores: Sequence[Score]) -> list[int | None]:
    """The protocols of ``scores``: None for new rows of known tasks, else the rows that were seen of unseen ones."""
    return list(dict.fromkeys(score.shot for score in scores))


def means(scores: Sequence[Score], shot: int | None, metric: str | None = None) -> dict[str, float]:
    """The error of every way, or another ``metric``, averaged over the splits; NaN where no split has it."""
    found: dict[str, list[float]] = {}
    for score in scores:
        if score.shot == shot:
            value = score.error if metric is None else score.metrics.get(metric)
            found.setdefault(score.name, []).extend([] if value is None else [value])
    return {name: float(np.mean(values)) if values else math.nan for name, values in found.items()}


def best_of(found: dict[str, float]) -> str:
    """The way with the least error."""
    return min(found, key=lambda name: found[name])


def head_of(metric: str) -> str:
    """What a metric is called; that of one target of several, ``rmse of price``, in a second line."""
    name, _, target = metric.partition(" of ")
    return f"{target}\n{HEADS[name]}" if target else HEADS[name]


def verdict(scores: Sequence[Score]) -> list[str]:
    """In plain words, which way this table rewards: one line a protocol."""
    lines = []
    error = "log-loss" if "log_loss" in scores[0].metrics else "error"
    for shot in shots_of(scores):
        found = means(scores, shot)
        best = best_of(found)
        alone = min(value for name, value in found.items() if name.startswith(ALONE))
        pooled = min(value for name, value in found.items() if name in POOLED)
        where = (
            "New rows of known tasks"
            if shot is None
            else f"Unseen tasks of which {shot} rows are seen"
        )
        gain_alone, gain_pooled = 1 - found[best] / alone, 1 - found[best] / pooled
        if gain_alone < 0.005:
            words = "every task is best learned alone: the others do not help"
        elif gain_pooled < 0.005:
            words = "the tasks are so alike that one model for all rows does it"
        else:
            gains = f"{gain_alone:.1%} below the best of a task alone and {gain_pooled:.1%}"
            words = f"sharing pays: the {error} is {gains} below one model for all"
        lines.append(
            f"{where}: {best} is best ({found[best]:.4g}); {words}.{_by_target(scores, shot)}"
        )
    return lines


def _by_target(scores: Sequence[Score], shot: int | None) -> str:
    """Of several targets of different kinds, the best way for each."""
    parts = []
    for metric in _metrics(scores):
        found = means(scores, shot, metric)
        name, _, target = metric.partition(" of ")
        if target and not all(map(math.isnan, found.values())):
            best = best_of(found)
            parts.append(f"for {target}: {best} ({HEADS[name]} {found[best]:.4g})")
    return f" Best {'; '.join(parts)}." if parts else ""


def _metrics(scores: Sequence[Score]) -> list[str]:
    return list(dict.fromkeys(name for score in scores for name in score.metrics))


def title_of(shot: int | None) -> str:
    """The name of a protocol."""
    return "New rows of known tasks" if shot is None else f"Unseen tasks, K = {shot}"


def note_of(scores: Sequence[Score]) -> str:
    """What is to be known of the metrics; nothing where targets are of one kind."""
    return ERROR if "error" in scores[0].metrics else ""


def cells_of(scores: Sequence[Score], shot: int | None) -> tuple[list[str], list[list[str]]]:
    """A head, and a line for every way: error with its standard deviation over the splits, other
    metrics, times.

    The others are the explained variance or the accuracy; of several targets of different kinds
    each one's own error."""
    first, *others = _metrics(scores)
    besides = [(metric, means(scores, shot, metric)) for metric in others]
    lines = []
    for name, mean in means(scores, shot).items():
        own = [score for score in scores if (score.name, score.shot) == (name, shot)]
        spread = f" ± {np.std([score.error for score in own]):.3f}" if len(own) > 1 else ""
        more = [
            f"{values[name]:.1%}" if metric in PARTS else f"{values[name]:.4g}"
            for metric, values in besides
        ]
        times = [
            f"{np.mean([score.fit_seconds for score in own]):.2f}",
            f"{np.mean([score.adapt_ms for score in own]):.2f}",
        ]
        lines.append([name, f"{mean:.3f}{spread}", *more, *times])
    return ["way", *map(head_of, (first, *others)), "fit, s", "adapt, ms"], lines


def lines(scores: Sequence[Score], shot: int | None) -> Lines:
    """:func:`cells_of` for the terminal; the best in bold."""
    head, rows = cells_of(scores, shot)
    found = means(scores, shot)
    best = best_of(found)
    table = Lines(
        title=title_of(shot),
        title_justify="left",
        caption=note_of(scores) or None,
        caption_justify="left",
    )
    for name in head:
        table.add_column(
            Text(name), justify="left" if name == "way" else "right", no_wrap=name != "way"
        )
    for row in rows:
        table.add_row(*row, style="bold" if row[0] == best else None)
    return table


__all__ = [
    "HEADS",
    "best_of",
    "cells_of",
    "head_of",
    "lines",
    "means",
    "note_of",
    "shots_of",
    "title_of",
    "verdict",
]
