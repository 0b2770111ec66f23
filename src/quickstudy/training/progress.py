"""The progress of long work: an updated line, or a line now and then without a terminal."""

import logging
import time
from collections.abc import Callable

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from quickstudy.targets import metric_of

logger = logging.getLogger("quickstudy")

LINES_EVERY = 30.0
"""Seconds between two lines without a terminal."""
MOST_OF_A_BAR = 24
"""Characters of the bar, if there is room."""
BETWEEN = " · "


class Progress:
    """Shows steps, the time left, the last validation, the loss (a running mean) and the speed.

    On a narrow terminal the bar is left out first, then the speed, the loss and the validation. The
    first two parts are always shown.

    Args:
        total: Steps in all.
        done: Steps done already.
        tasks_per_step: Tasks of a step, for the speed; 0 shows no speed.
        shown: Whether to show anything.
        word: The word for a step.
        console: The console to write to, by default standard error.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        total: int,
        done: int = 0,
        tasks_per_step: int = 0,
        shown: bool = True,
        word: str = "step",
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.done = done
        self.word = word
        self._first = done
        self._tasks_per_step = tasks_per_step
        self._clock = clock
        self._console = Console(stderr=True) if console is None else console
        self._shown = shown
        self._live = self._made_live()
        self._loss: float | None = None
        self._validation = ""
        self._began = self._told = clock()

    def _made_live(self) -> Live | None:
        """Make the updated line, if there is a terminal."""
        console = self._console
        stays = self._shown and (console.is_terminal or console.is_jupyter)
        return Live(self, console=console, refresh_per_second=2) if stays else None

    def advance(self, loss: float | None = None) -> None:
        """Count one step, and its loss."""
        self.done += 1
        if loss is not None:
            self._loss = _averaged(self._loss, loss)
        if self._shown and self._live is None:
            self._tell()

    def _tell(self) -> None:
        """Print a line, if the last one is long ago."""
        now = self._clock()
        if now - self._told >= LINES_EVERY:
            self._told = now
            self._console.print(BETWEEN.join(self.parts()), highlight=False, soft_wrap=True)

    def validated(self, step: int, metric: str, value: float) -> None:
        """Show a validation."""
        name = metric.replace("_", " ")
        text = _value_text(metric, value)
        if self._live is None:
            logger.info("step %d: validation %s %s", step, name, text)
        self._validation = f"{name} {text}"

    def parts(self) -> list[str]:
        """List all parts of the line, the most important first."""
        each = self._seconds_each()
        said = [
            f"{self.word} {self.done}/{self.total}",
            self._time_left(each),
            self._validation,
            "" if self._loss is None else f"loss {self._loss:.4g}",
            self._speed(each),
        ]
        return [part for part in said if part]

    def _time_left(self, each: float | None) -> str:
        """Write the time left; empty if it is not known."""
        return "" if each is None else f"{clock_text(each * (self.total - self.done))} left"

    def _speed(self, each: float | None) -> str:
        """Write the tasks per second; empty if that is not known."""
        return f"{self._tasks_per_step / each:.0f} tasks/s" if each and self._tasks_per_step else ""

    def line(self, width: int) -> str:
        """Give the parts that fit into ``width`` characters, and a bar if it fits too."""
        text = _fitting(self.parts(), width)
        room = min(MOST_OF_A_BAR, width - len(text) - 1)
        return text if room < 4 else f"{text} {self._bar(room)}"

    def _bar(self, room: int) -> str:
        """Draw a bar of ``room`` characters."""
        filled = round(room * self.done / max(self.total, 1))
        return f"{'━' * filled}{'╌' * (room - filled)}"

    def _seconds_each(self) -> float | None:
        """Give the seconds of a step so far; None before the first one."""
        steps = self.done - self._first
        return (self._clock() - self._began) / steps if steps else None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.line(options.max_width), no_wrap=True, overflow="crop")

    def __enter__(self) -> "Progress":
        self._began = self._told = self._clock()
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()


def _value_text(metric: str, value: float) -> str:
    """Write a value in percent, or with three decimals."""
    return f"{100 * value:.1f} %" if metric_of(metric).percent else f"{value:.3f}"


def _averaged(mean: float | None, loss: float) -> float:
    """Give the running mean of the losses after one more."""
    return loss if mean is None else 0.98 * mean + 0.02 * loss


def _fitting(said: list[str], width: int) -> str:
    """Join the first parts that fit into ``width`` characters; the first two are always kept."""
    while len(said) > 2 and len(BETWEEN.join(said)) > width:
        said.pop()
    return BETWEEN.join(said)


def clock_text(seconds: float) -> str:
    """Write a time as hours, minutes and seconds.

    Example:
        >>> clock_text(3723.4)
        '1:02:03'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


__all__ = ["Progress", "clock_text"]
