"""Judges every way of sharing between tasks on the same splits, cheap ways first."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from quickstudy.ladder.rungs import Rung
from quickstudy.ladder.score import Score, by_name
from quickstudy.ladder.splits import TOO_FEW, Split

logger = logging.getLogger("quickstudy")

FIRST = 2
"""Splits after which a way that is far behind is given up."""
FAR = 0.05
"""A way is far behind if its error is larger by more than this fraction on each of these splits."""
MOST_KEPT = 50_000_000
"""Features of training rows that splits may hold together."""
GUESS = (0.1, 1.5, 3.0)
"""Guessed seconds of a way on a split by its cost, until they are known."""

Maker = Callable[[int], Split]
"""Makes the split of a seed."""


class Tell(Protocol):
    """Hears the progress of the climb."""

    def __call__(self, spent: float, left: float, doing: str) -> None:
        """Hear the seconds spent, the seconds left, and the next step."""


def nobody(spent: float, left: float, doing: str) -> None:
    """Hear nothing."""


@dataclass
class Climb:
    """Judges ways on splits, and holds the scores so far at any time.

    Ways that are solved at once come first, on all splits. Then come ways that take about a second,
    and last the slow ways, one after the other. If the error of a way that is not cheap is far
    above the best error on each of the first two splits, it is not run on the others.

    Attributes:
        ways: The rungs.
        protocols: Functions that make the splits: one for each protocol.
        splits: Their number.
        seconds: The time limit; None for no limit.
        scores: The scores so far.
        notes: Why a way was not run on all splits, by its name.
    """

    ways: Sequence[Rung]
    protocols: Sequence[Maker]
    splits: int
    seconds: float | None = None
    scores: list[Score] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic, init=False)
    _made: dict[tuple[int, int], Split] = field(default_factory=dict, init=False)
    _spent: dict[str, list[float]] = field(default_factory=dict, init=False)
    _left_out: set[tuple[str, int]] = field(default_factory=set, init=False)

    def run(self, tell: Tell = nobody) -> None:
        """Judge all ways, or as many as there is time for.

        Raises:
            KeyboardInterrupt: After Ctrl-C; ``scores`` holds the scores up to then.
        """
        blocks = self._plan()
        with quiet():
            while blocks:
                self._do(blocks.pop(0), blocks, tell)

    def _do(self, block: "Block", later: Sequence["Block"], tell: Tell) -> None:
        """Do a block, if there is time."""
        if self._fits(block):
            self._work(block, later, tell)
        else:
            self._leave_out(block)

    def _work(self, block: "Block", later: Sequence["Block"], tell: Tell) -> None:
        """Judge the ways of a block on its split."""
        for way, protocol in block.units():
            if self._due(way, protocol):
                self._say(way, [block, *later], tell)
                self._judge(way, protocol, block.split)

    def _due(self, way: Rung, protocol: int) -> bool:
        """Say whether a way was not given up in a protocol."""
        return (way.name, protocol) not in self._left_out

    def _say(self, way: Rung, left: Sequence["Block"], tell: Tell) -> None:
        """Report the progress of the climb."""
        doing = f"split {left[0].split + 1} of {self.splits}, {way.name}"
        tell(self._seconds_spent(), self._seconds_left(left), doing)

    def _judge(self, way: Rung, protocol: int, split: int) -> None:
        """Judge a way on a split, if it is worth trying."""
        made = self._split(protocol, split)
        reason = made.hopeless(way)
        if reason:
            self._give_up(way, protocol, reason)
            return
        self._measure(way, made)
        if split + 1 == FIRST < self.splits and way.cost:
            self._stop_if_behind(way, protocol, list(made.episodes))

    def _measure(self, way: Rung, made: Split) -> None:
        """Keep the scores of a way on a split, and the time that it took."""
        began = time.monotonic()
        for score in made.scores(way):
            self._keep(score)
        self._spent.setdefault(way.name, []).append(time.monotonic() - began)

    def _keep(self, score: Score) -> None:
        """Keep a score, unless the way has a model for no task: it would repeat the mean."""
        if score.bare < 1:
            self.scores.append(score)
        else:
            self.notes.setdefault(score.name, TOO_FEW)

    def _stop_if_behind(self, way: Rung, protocol: int, shots: Sequence[int | None]) -> None:
        """Give a way up if it is far behind on all of the first splits."""
        behind = min(own for shot in shots for own in self._behind(way, shot))
        if behind > FAR:
            self._give_up(way, protocol, f"stopped early: at least {behind:.0%} behind")

    def _plan(self) -> list["Block"]:
        """Order the blocks."""
        number = len(self.protocols)
        groups = [group for group in self._groups() if group]
        return [Block(group, split, number) for group in groups for split in range(self.splits)]

    def _groups(self) -> list[list[Rung]]:
        """Put ways together that are run on a split before the next begins."""
        return [self._of_cost(0), self._of_cost(1), *_by_network(self._of_cost(2))]

    def _of_cost(self, cost: int) -> list[Rung]:
        return [way for way in self.ways if way.cost == cost]

    def _split(self, protocol: int, split: int) -> Split:
        if (protocol, split) not in self._made:
            self._make_room()
            self._made[protocol, split] = self.protocols[protocol](split)
        return self._made[protocol, split]

    def _make_room(self) -> None:
        """Forget the splits of a large table; they are made again when they are needed."""
        if sum(split.train.x.numel() for split in self._made.values()) > MOST_KEPT:
            self._made.clear()

    def _give_up(self, way: Rung, protocol: int, reason: str) -> None:
        self._left_out.add((way.name, protocol))
        self.notes[way.name] = reason

    def _behind(self, way: Rung, shot: int | None) -> list[float]:
        """Give the relative excess of the error over the best, on each of the first splits."""
        errors = self._first_errors(shot)
        own = errors.pop(way.name, [])
        others = [other for other in errors.values() if len(other) == len(own)]
        return _above(own, min(others, key=sum, default=own)) or [0.0]

    def _first_errors(self, shot: int | None) -> dict[str, list[float]]:
        """Give the errors of every way on the first splits."""
        first = [score for score in self.scores if score.shot == shot and score.split < FIRST]
        return {name: [score.error for score in own] for name, own in by_name(first).items()}

    def _fits(self, block: "Block") -> bool:
        """Say whether there is time for a block; quick ways are always run on two splits."""
        if self.seconds is None or block.surely:
            return True
        return self._cost(block) * block.at_least <= self._budget()

    def _leave_out(self, block: "Block") -> None:
        """Note that there was no time for a block, and do not begin the same ways later."""
        for way, protocol in block.units():
            if self._due(way, protocol):
                self._give_up(way, protocol, "no time left, --time gives more")

    def _seconds_spent(self) -> float:
        return time.monotonic() - self._began

    def _seconds_left(self, blocks: Sequence["Block"]) -> float:
        """Estimate the seconds for blocks, as far as there is time."""
        return max(0.0, min(sum(map(self._cost, blocks)), self._budget()))

    def _budget(self) -> float:
        """Give the seconds that may still be spent."""
        return math.inf if self.seconds is None else self.seconds - self._seconds_spent()

    def _cost(self, block: "Block") -> float:
        """Give the seconds of a block: the time of earlier splits, or a guess."""
        seconds = sum(self._seconds_of(way) for way, own in block.units() if self._due(way, own))
        # ways on one network train it once
        return seconds / len(block.ways) if block.cost > 1 else seconds

    def _seconds_of(self, way: Rung) -> float:
        known = self._spent.get(way.name)
        return sum(known) / len(known) if known else GUESS[way.cost]


@dataclass(frozen=True)
class Block:
    """Ways on one split: all of them or none are run, so that they can be compared.

    Attributes:
        ways: The rungs, of one cost.
        split: The split.
        protocols: The number of protocols.
    """

    ways: Sequence[Rung]
    split: int
    protocols: int

    @property
    def cost(self) -> int:
        """The cost of its ways."""
        return self.ways[0].cost

    @property
    def surely(self) -> bool:
        """Whether it is done even if there is no time."""
        return not self.cost and self.split < FIRST

    @property
    def at_least(self) -> int:
        """The number of such blocks that must fit into the time: a begun slow way gets judged."""
        return FIRST if self.cost > 1 and not self.split else 1

    def units(self) -> list[tuple[Rung, int]]:
        """List every way in every protocol, one protocol after the other."""
        return [(way, protocol) for protocol in range(self.protocols) for way in self.ways]


def _above(errors: Sequence[float], others: Sequence[float]) -> list[float]:
    """Give the relative excess of errors over others."""
    return [one / max(other, 1e-300) - 1 for one, other in zip(errors, others, strict=True)]


def _by_network(ways: Sequence[Rung]) -> list[list[Rung]]:
    """Put ways together that train the same network."""
    groups: dict[int, list[Rung]] = {}
    for way in ways:
        groups.setdefault(id(way.trained), []).append(way)
    return list(groups.values())


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the logs of trainings."""
    before = logger.level
    logger.setLevel(max(logging.WARNING, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.setLevel(before)


__all__ = ["Climb", "Maker", "Tell", "nobody", "quiet"]
