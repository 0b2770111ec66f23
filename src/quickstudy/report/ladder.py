"""The ladder in words and lines: which way of sharing between tasks a table rewards."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table as Lines

from quickstudy.training.ladder import Score

HEADS = {"rmse": "RMSE", "explained_variance": "explained", "log_loss": "log-loss", "accuracy": "accuracy"}
ALONE = ("support mean", "majority", "single task")
POOLED = ("pooled, ridge", "pooled, logistic")


def shots_of(scores: Sequence[Score]) -> list[int | None]:
    """The protocols of ``scores``: None for new rows of known tasks, else the rows that were seen of unseen ones."""
    return list(dict.fromkeys(score.shot for score in scores))


def means(scores: Sequence[Score], shot: int | None) -> dict[str, float]:
    """The error of every way, averaged over the splits."""
    names = dict.fromkeys(score.name for score in scores)
    return {name: float(np.mean([score.error for score in scores if (score.name, score.shot) == (name, shot)])) for name in names}


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
        lines.append(f"{where}: {best} is best ({found[best]:.4g}); {words}.")
    return lines


def title_of(shot: int | None) -> str:
    """The name of a protocol."""
    return "New rows of known tasks" if shot is None else f"Unseen tasks, K = {shot}"


def cells_of(scores: Sequence[Score], shot: int | None) -> tuple[list[str], list[list[str]]]:
    """A head, and a line for every way: error with its standard deviation over the splits, explained variance or accuracy, times."""
    first, second = scores[0].metrics
    lines = []
    for name, mean in means(scores, shot).items():
        own = [score for score in scores if (score.name, score.shot) == (name, shot)]
        spread = f" ± {np.std([score.error for score in own]):.3f}" if len(own) > 1 else ""
        times = [f"{np.mean([score.fit_seconds for score in own]):.2f}", f"{np.mean([score.adapt_ms for score in own]):.2f}"]
        lines.append([name, f"{mean:.3f}{spread}", f"{np.mean([score.metrics[second] for score in own]):.1%}", *times])
    return ["way", HEADS[first], HEADS[second], "fit, s", "adapt, ms"], lines


def lines(scores: Sequence[Score], shot: int | None) -> Lines:
    """:func:`cells_of` for the terminal; the best in bold."""
    head, rows = cells_of(scores, shot)
    found = means(scores, shot)
    best = min(found, key=lambda name: found[name])
    table = Lines(title=title_of(shot), title_justify="left")
    for name in head:
        table.add_column(name, justify="left" if name == "way" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row, style="bold" if row[0] == best else None)
    return table


__all__ = ["HEADS", "cells_of", "lines", "means", "shots_of", "title_of", "verdict"]
