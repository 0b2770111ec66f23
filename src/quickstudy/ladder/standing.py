"""Ranks the ways of one protocol: which is best, and which are significantly worse."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from statistics import mean

from quickstudy.ladder.rungs import Family
from quickstudy.ladder.score import Difference, Score, by_name, difference

MOST_BARE = 0.1
"""A way that has no model for a larger fraction of the tasks is not compared."""

FAMILIES: tuple[Family, ...] = ("alone", "blind", "plain", "learned")
"""The families, in the order in which ways share more."""


@dataclass(frozen=True)
class Standing:
    """The scores of one protocol.

    Attributes:
        scores: The scores, at least one.
    """

    scores: tuple[Score, ...]

    @classmethod
    def of(cls, scores: Iterable[Score], shot: int | None) -> "Standing":
        """Take the scores of the protocol ``shot``."""
        return cls(tuple(score for score in scores if score.shot == shot))

    @cached_property
    def by_way(self) -> dict[str, list[Score]]:
        """The scores of every way; ways in the order of their families."""
        return by_name(sorted(self.scores, key=_by_family))

    @cached_property
    def errors(self) -> dict[str, dict[int, float]]:
        """The error of every way by split."""
        return {name: _by_split(own) for name, own in self.by_way.items()}

    @property
    def best_first(self) -> list[str]:
        """All ways: those that are compared, the best first, then the others."""
        return sorted(self.errors, key=lambda name: (name not in self.counted, self.mean(name)))

    @cached_property
    def splits(self) -> int:
        """The number of splits of the way that was run on most."""
        return max(map(len, self.errors.values()))

    @cached_property
    def bare(self) -> dict[str, float]:
        """The fraction of the tasks that had too few rows for a model, by way."""
        ways = self.by_way.items()
        return {name: mean(score.bare for score in own) for name, own in ways}

    @cached_property
    def counted(self) -> list[str]:
        """The ways that are compared: run on all splits, with a model for most tasks."""
        return [name for name in self._full if self.bare[name] <= MOST_BARE] or self._full

    @property
    def _full(self) -> list[str]:
        """The ways that were run on all splits."""
        return [name for name in self.errors if len(self.errors[name]) == self.splits]

    @property
    def order(self) -> list[str]:
        """The ways that are compared, the best first."""
        return sorted(self.counted, key=self.mean) if self.scores else []

    @property
    def best(self) -> str:
        """The way of the least error."""
        return min(self.counted, key=self.mean)

    def best_of(self, *families: Family) -> str | None:
        """Give the best way of some families; None if they have no way."""
        own = [name for name in self.counted if self.family[name] in families]
        return min(own, key=self.mean, default=None)

    @cached_property
    def family(self) -> dict[str, Family]:
        """The family of every way."""
        return {name: own[0].family for name, own in self.by_way.items()}

    def mean(self, name: str) -> float:
        """Average the error of a way over its splits."""
        return mean(self.errors[name].values())

    def apart(self, name: str, other: str) -> Difference:
        """Compare two ways, paired over the splits that both have."""
        return difference(self.errors[name], self.errors[other], self._held)

    @property
    def _held(self) -> float:
        return mean(score.held for score in self.scores)

    def not_told_from(self, name: str) -> list[str]:
        """List the ways that cannot be told apart from a given way, the best first."""
        others = [other for other in self.order if other != name]
        return [other for other in others if not self.apart(other, name).told_apart]


def _by_split(scores: Iterable[Score]) -> dict[int, float]:
    return {score.split: score.error for score in scores}


def _by_family(score: Score) -> int:
    return FAMILIES.index(score.family)


__all__ = ["FAMILIES", "MOST_BARE", "Standing"]
