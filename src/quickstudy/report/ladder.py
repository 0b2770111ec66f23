"""The ladder in words and lines: which way of sharing between tasks a table rewards."""

import math
from collections.abc import Sequence

import numpy as np
from rich.table import Table as Lines
from rich.text import Text

from quickstudy.training.ladder import Score

HEADS = {"rmse": "RMSE", "explained_variance": "explained", "log_loss": "log-loss", "accuracy": "accuracy", "error": "error"}
PARTS = ("explained_variance", "accuracy")
ERROR = "error: the mean over targets of the log-loss, and of the RMSE in standard deviations of the target"
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


def head(metric: str) -> str:
    """What a metric is called; that of one target of several, ``rmse of price``, in a second line."""
    name, _, target = metric.partition(" of ")
    return f"{target}\n{HEADS[name]}" if target else HEADS[name]


def verdict(scores: Sequence[Score]) -> list[str]:
    """In plain words, which way this table rewards: one line a protocol."""
    lines = []
    error = "log-loss" if "log_loss" in scores[0].metrics else "error"
    for shot in shots_of(scores):
        found = means(scores, shot)
        best = min(found, key=lambda name: found[name])
        alone = min(value for name, value in found.items() if name.startswith(ALONE))
        pooled = min(value for name, value in found.items() if name in POOLED)
        where = "New rows of known tasks" if shot is None else f"Unseen tasks of which {shot} rows are seen"
        gain_alone, gain_pooled = 1 - found[best] / alone, 1 - found[best] / pooled
        if gain_alone < 0.005:
            words = "every task is best learned alone: the others do not help"
        elif gain_pooled < 0.005:
            words = "the tasks are so alike that one model for all rows does it"
        else:
            gains = f"{gain_alone:.1%} below the best of a task alone and {gain_pooled:.1%}"
            words = f"sharing pays: the {error} is {gains} below one model for all"
        lines.append(f"{where}: {best} is best ({found[best]:.4g}); {words}.{_by_target(scores, shot)}")
    return lines


def _by_target(scores: Sequence[Score], shot: int | None) -> str:
    """Of several targets of different kinds, the best way for each."""
    parts = []
    for metric in _metrics(scores)[1:]:
        found = means(scores, shot, metric)
        if " of " in metric and not all(map(math.isnan, found.values())):
            best = min(found, key=lambda name: found[name])
            name, _, target = metric.partition(" of ")
            parts.append(f"for {target}: {best} ({HEADS[name]} {found[best]:.4g})")
    return f" Best {'; '.join(parts)}." if parts else ""


def _metrics(scores: Sequence[Score]) -> list[str]:
    return list(dict.fromkeys(name for score in scores for name in score.metrics))


def lines(scores: Sequence[Score], shot: int | None) -> Lines:
    """A line for every way: error, explained variance or accuracy or each target's own error, times; the best in bold."""
    first, *others = _metrics(scores)
    title = "new rows of known tasks" if shot is None else f"unseen tasks, K = {shot}"
    table = Lines(title=title, title_justify="left", caption=ERROR if first == "error" else None, caption_justify="left")
    for name in ("way", *map(head, (first, *others)), "fit, s", "adapt, ms"):
        table.add_column(Text(name), justify="left" if name == "way" else "right", no_wrap=name != "way")
    found, besides = means(scores, shot), [(metric, means(scores, shot, metric)) for metric in others]
    for name, mean in found.items():
        own = [score for score in scores if (score.name, score.shot) == (name, shot)]
        spread = f" ± {np.std([score.error for score in own]):.3f}" if len(own) > 1 else ""
        cells = [name, f"{mean:.3f}{spread}", *(f"{of[name]:.1%}" if metric in PARTS else f"{of[name]:.4g}" for metric, of in besides)]
        cells += [f"{np.mean([score.fit_seconds for score in own]):.2f}", f"{np.mean([score.adapt_ms for score in own]):.2f}"]
        table.add_row(*cells, style="bold" if mean == min(found.values()) else None)
    return table


__all__ = ["lines", "means", "shots_of", "verdict"]
