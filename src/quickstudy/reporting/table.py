"""Results as a table for the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from quickstudy.reporting.words import written
from quickstudy.training.evaluate import Estimate


def results_table(title: str, rows: Sequence[tuple[str, Estimate]], metric: str) -> Table:
    """A row for every estimate: name, mean ± 95 % interval, tasks; and how many diverged, if any
    did.

    Args:
        title: Stands above the table.
        rows: Names and estimates, in the order they are shown.
        metric: ``"accuracy"`` (shown in percent) or ``"mean_squared_error"``.

    Example:
        >>> results_table("5-way 1-shot", [("ProtoNet", Estimate(0.97, 0.002, 1000))], "accuracy").row_count
        1
    """
    diverged = any(estimate.num_diverged for _, estimate in rows)
    table = Table(title=Text(title, style="bold"), title_justify="left")
    table.add_column("")
    table.add_column(f"{metric.replace('_', ' ')}, 95 % interval", justify="right")
    table.add_column("tasks", justify="right")
    if diverged:
        table.add_column("diverged", justify="right")
    for name, estimate in rows:
        cells = [
            name,
            written(estimate, metric, tasks=False),
            f"{estimate.num_tasks:,}",
            f"{estimate.num_diverged:,}",
        ]
        table.add_row(*(Text(cell) for cell in cells[: 3 + diverged]))
    return table
