"""The bar says what is done and the seconds left, on a terminal only."""

import io

from rich.console import Console

from quickstudy.cli.climbing import ClimbBar


def shown(terminal):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=90)
    with ClimbBar(console) as bar:
        bar(2.0, 6.4, "split 1 of 5, learned prior")
        task = bar._bar.tasks[0]
    return out.getvalue(), task


def test_the_seconds_left_are_shown():
    text, task = shown(True)
    assert "about 6 s left · split 1 of 5, learned prior" in text
    assert (task.completed, task.total) == (2.0, 8.4)


def test_nothing_is_shown_without_a_terminal():
    assert not shown(False)[0].strip()
