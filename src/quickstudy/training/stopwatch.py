"""The time that each part of long work takes, and its progress."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from quickstudy.training.progress import Progress


@dataclass
class Stopwatch:
    """Measures the parts of an evaluation: the learner, then each baseline.

    Attributes:
        shown: Whether a progress bar is shown.
        seconds: The seconds of every part so far.
    """

    shown: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str, num_tasks: int) -> Iterator[Callable[[int], None]]:
        """Measure the part ``name`` while the block runs.

        The block gets a function that counts finished tasks.
        """
        began = time.monotonic()
        with Progress(num_tasks, shown=self.shown, word=f"{name}: task") as bar:
            yield partial(_advance, bar)
        self.seconds[name] = time.monotonic() - began


def _advance(bar: Progress, count: int) -> None:
    """Count ``count`` tasks."""
    for _ in range(count):
        bar.advance()


__all__ = ["Stopwatch"]
