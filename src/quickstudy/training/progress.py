"""The progress bar of a run."""

import logging
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

logger = logging.getLogger("quickstudy")


class Progress:
    """Steps, loss (a running mean), the last validation, tasks per second and the time left, on
    standard error.

    Args:
        steps: Steps in all.
        done: Steps done already.
        tasks_per_step: Tasks a step, for the speed.
        shown: Whether to show anything.
    """

    def __init__(self, steps: int, done: int, tasks_per_step: int, shown: bool) -> None:
        self._bar = Bar(
            TextColumn("[bold]step"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TextColumn("loss {task.fields[loss]}{task.fields[validation]} {task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not shown,
            refresh_per_second=2,
        )
        self._task = self._bar.add_task(
            "train", total=steps, completed=done, loss="", validation="", rate=""
        )
        self._tasks_per_step = tasks_per_step
        self._mean: float | None = None

    def advance(self, loss: float) -> None:
        """One step more."""
        self._mean = loss if self._mean is None else 0.98 * self._mean + 0.02 * loss
        speed = self._bar.tasks[0].speed
        rate = f"· {speed * self._tasks_per_step:.0f} tasks/s" if speed else ""
        self._bar.update(self._task, advance=1, loss=f"{self._mean:.4f}", rate=rate)

    def validated(self, step: int, metric: str, value: float) -> None:
        """Show a validation."""
        text = f"{100 * value:.1f} %" if metric == "accuracy" else f"{value:.3f}"
        if self._bar.disable:
            logger.info("step %d: validation %s %s", step, metric.replace("_", " "), text)
        self._bar.update(self._task, validation=f" · {metric.replace('_', ' ')} {text}")

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
