"""Says in plain words which way of sharing between tasks is best, and how certain that is."""

import math
from collections.abc import Sequence

from quickstudy.ladder.score import Difference, Score
from quickstudy.ladder.standing import Standing
from quickstudy.reporting.ladder import HEADS, best_of, means, metrics_of

NEAR = 3
"""The most ways to name that cannot be told apart from the best."""


def verdict(scores: Sequence[Score]) -> list[str]:
    """Say which way is best on this table, in one line for each protocol.

    The best way is compared, paired over the splits, with the best of the plain methods that see
    the task. If it is a plain method itself, it is compared with the best way that learns to learn.
    """
    shots = list(dict.fromkeys(score.shot for score in scores))
    lines = []
    for shot in shots:
        words = _sentence(Standing.of(scores, shot))
        lines.append(f"{_tasks(shot)}: {words}{_by_target(scores, shot)}")
    return lines


def _tasks(shot: int | None) -> str:
    if shot is None:
        return "New rows of known tasks"
    return f"Unseen tasks of which {shot} rows are seen"


def _sentence(standing: Standing) -> str:
    best = standing.best
    value = f"{standing.mean(best):.4g}"
    if standing.splits < 2:
        return f"{best} has the least error ({value}), but one split decides nothing."
    parts = [_beside(standing, best, value)]
    near = [name for name in standing.not_told_from(best) if name != _rival(standing, best)]
    if near:
        word = "Nor can it" if "cannot" in parts[0] else "It cannot"
        parts.append(f"{word} be told apart from {_listed(near)}.")
    return " ".join(parts + _remarks(standing, best))


def _beside(standing: Standing, best: str, value: str) -> str:
    """Compare the best way with its rival."""
    rival = _rival(standing, best)
    if rival is None:
        return f"{best} has the least error ({value})."
    plain = standing.best_of("plain") == best
    word = "the best learned way" if plain else "the best plain method that sees the task"
    other = f"{rival}, {word} ({standing.mean(rival):.4g})"
    found = standing.apart(best, rival)
    below = _below(found)
    if not found.told_apart:
        return (
            f"{best} has the least error ({value}), but cannot be told apart from {other}: "
            f"it is {below}."
        )
    if plain:
        return (
            f"the plain method {best} is best ({value}); learning to learn does not pay here: "
            f"it is {below} {other}."
        )
    return f"{best} is best ({value}), ahead of {other}: it is {below}."


def _rival(standing: Standing, best: str) -> str | None:
    """Give the way that the best way is compared with."""
    plain = standing.best_of("plain")
    return standing.best_of("learned") if best == plain else plain


def _below(found: Difference) -> str:
    """Say how far an error is below another, with the interval."""
    low, high = (math.floor(1000 * -end + 0.5) / 10 for end in (found.high, found.low))
    return f"{-100 * found.mean:.1f} % below (95 % interval {low:g} to {high:g} %)"


def _remarks(standing: Standing, best: str) -> list[str]:
    """Say if the tasks have nothing to share, or no differences."""
    family = standing.family[best]
    if family == "alone":
        return ["Every task is learned best from its own rows: the others do not help."]
    if family == "blind":
        return ["The tasks are so alike that one model for all rows does it."]
    return []


def _by_target(scores: Sequence[Score], shot: int | None) -> str:
    """Name the best way for each of several targets of different kinds."""
    parts = []
    for metric in metrics_of(scores):
        found = means(scores, shot, metric)
        name, _, target = metric.partition(" of ")
        if target and not all(map(math.isnan, found.values())):
            best = best_of(found)
            parts.append(f"for {target}: {best} ({HEADS[name]} {found[best]:.4g})")
    return f" Least error {'; '.join(parts)}." if parts else ""


def _listed(names: Sequence[str]) -> str:
    """List the first names, and how many are left; names may contain commas."""
    if len(names) > NEAR:
        return f"{'; '.join(names[:NEAR])} and {len(names) - NEAR} more"
    return names[0] if len(names) == 1 else f"{'; '.join(names[:-1])} or {names[-1]}"


__all__ = ["verdict"]
