"""Writes results as a table for the terminal."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from quickstudy.reporting.words import written
from quickstudy.training.evaluate import Estimate


def results_table(title: str, rows: Sequence[tuple[str, Estimate]], metric: str) -> Table:
    """Make a table with a row for every estimate.

    The columns are name, mean ± 95 % interval and number of tasks. If any task diverged,
    a column says how many did.

    Args:
        title: The title above the table.
        rows: Names and estimates, in the order of the table.
        metric: ``"accuracy"`` (shown in percent) or ``"mean_squared_error"``.

    Example:
        >>> rows = [("ProtoNet", Estimate(0.97, 0.002, 1000))]
        >>> results_table("5-way 1-shot", rows, "accuracy").row_count
        1
    """
    table = Table(title=Text(title, style="bold"), title_justify="left")
    for name in _columns(rows, metric):
        table.add_column(name, justify="right" if name else "left")
    for name, estimate in rows:
        cells = estimate_cells(name, estimate, metric)[: len(table.columns)]
        table.add_row(*map(Text, cells))
    return table


def estimate_head(metric: str) -> list[str]:
    """Name the columns of the cells of an estimate."""
    return ["", f"{metric.replace('_', ' ')}, 95 % interval", "tasks", "diverged"]


def _columns(rows: Sequence[tuple[str, Estimate]], metric: str) -> list[str]:
    """Name the columns that are shown: all, or all but the last if no task diverged."""
    diverged = any(estimate.num_diverged for _, estimate in rows)
    return estimate_head(metric)[: 3 + diverged]


def estimate_cells(name: str, estimate: Estimate, metric: str) -> list[str]:
    """Write the row of an estimate.

    The cells are name, mean ± 95 % interval, number of tasks, and number of tasks that diverged.
    """
    value = written(estimate, metric, tasks=False)
    return [name, value, f"{estimate.num_tasks:,}", f"{estimate.num_diverged:,}"]
