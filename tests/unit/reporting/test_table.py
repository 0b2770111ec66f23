"""The table for the terminal has a row for every estimate."""

from rich.console import Console

from quickstudy import reporting
from quickstudy.training import Estimate


def test_the_table_for_the_terminal() -> None:
    rows = [
        ("ProtoNet [bold]", Estimate(0.9731, 0.002, 1000)),
        ("scratch", Estimate(0.5, 0.1, 100, 3)),
    ]
    console = Console(width=100, force_terminal=False)
    with console.capture() as capture:
        console.print(
            reporting.results_table("[red] 5-way", rows, "accuracy"),
            reporting.results_table("", rows[:1], "mean_squared_error"),
        )
    text = capture.get()
    for part in (
        "[red] 5-way",
        "ProtoNet [bold]",
        "97.31 ± 0.20 %",
        "1,000",
        "diverged",
        "0.973 ± 0.002",
    ):
        assert part in text
    assert text.count("diverged") == 1  # only where some did
