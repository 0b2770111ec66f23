"""What of the progress is shown in how much room."""

import io

import pytest
from rich.console import Console

from quickstudy.training.progress import Progress, clock_text


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def bar(width: int = 80, terminal: bool = False, **options):
    clock, file = Clock(), io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, force_jupyter=False)
    return Progress(60_000, tasks_per_step=25, console=console, clock=clock, **options), clock, file


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_steps_and_time_left_are_never_cut_off(width):
    progress, clock, _ = bar()
    for _ in range(20_000):
        progress.advance(12.3456)
    clock.now = 10_000.0
    progress.validated(20_000, "mean_squared_error", 12.345)
    line = progress.line(width)
    assert line.startswith("step 20000/60000 · 5:33:20 left") and len(line) <= max(width, 31)
    assert ("mean squared error 12.345" in line) == (width >= 60)
    assert ("loss 12.35" in line) == (width >= 80)
    assert ("50 tasks/s" in line) == (width >= 200)
    assert ("━" in line) == (width >= 80)


def test_a_resumed_run_judges_the_time_by_its_own_steps():
    progress, clock, _ = bar(done=59_990)
    progress.advance()
    clock.now = 2.0
    assert progress.parts()[:2] == ["step 59991/60000", "0:00:18 left"]


def test_without_a_terminal_a_line_every_half_minute():
    progress, clock, file = bar()
    with progress:
        for second in range(100):
            clock.now = float(second)
            progress.advance(0.5)
    lines = file.getvalue().splitlines()
    assert len(lines) == 3 and lines[0].startswith("step 31/60000 · 16:07:") and "loss" in lines[0]


def test_nothing_is_shown_if_nothing_is_wanted():
    progress, clock, file = bar(shown=False)
    with progress:
        clock.now = 100.0
        progress.advance(0.5)
    assert file.getvalue() == ""


def test_on_a_terminal_one_line_stays():
    progress, clock, file = bar(terminal=True)
    with progress:
        clock.now = 3.0
        progress.advance(0.5)
    assert "step 1/60000 · 49:59:57 left · loss 0.5 · 8 tasks/s" in file.getvalue()


def test_times():
    assert [clock_text(seconds) for seconds in (0, 59.6, 3600)] == ["0:00:00", "0:01:00", "1:00:00"]
