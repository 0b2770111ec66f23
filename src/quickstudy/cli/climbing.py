"""A bar with the time left, while ``quickstudy fit`` compares ways."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class ClimbBar:
    """Shows the progress of the climb, and the seconds left; nothing without a terminal.

    Args:
        console: The console to write to.
    """

    def __init__(self, console: Console) -> None:
        columns = (BarColumn(24), TextColumn("{task.description}", markup=False))
        self._bar = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        )
        self._task = self._bar.add_task("reading", total=None)

    def __enter__(self) -> "ClimbBar":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, spent: float, left: float, doing: str) -> None:
        """Show the fraction of the time that is spent, the seconds left, and the next step."""
        words = f"about {left:.0f} s left · {doing}"
        self._bar.update(self._task, completed=spent, total=spent + left, description=words)


__all__ = ["ClimbBar"]
