"""Reading a table of 1,000,000 rows and 22 columns: ``python -m benchmarks.reading``.

18 columns are numbers, the others a task, a category, a small whole number and the target. pandas'
reader, which guesses types piece by piece, beside reading all cells as text and reading each column
as its schema says; then all that ``Table`` does. Median of the repeats, each in turn; one thread.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

import quickstudy as qs
from benchmarks.measure import median_seconds_in_turn
from quickstudy.tasks.tables.read_file import read_table
from quickstudy.tasks.tables.schema import Schema

NUMBERS = 18


def write(path: Path, rows: int) -> None:
    draw = np.random.default_rng(0)
    columns = {f"x{index}": draw.normal(size=rows).round(6) for index in range(NUMBERS)}
    columns["task"] = draw.integers(0, 2000, rows)
    columns["code"] = draw.choice(["a", "b", "c"], rows)
    columns["day"] = draw.integers(0, 7, rows)
    columns["y"] = draw.normal(size=rows)
    pa.csv.write_csv(pa.table(columns), path)


def by_schema(path: Path) -> pd.DataFrame:
    frame = read_table(path)
    features = [name for name in frame.columns if name not in ("task", "y")]
    return Schema.infer(frame, features, {"y": "regression"}, "task").apply(frame)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        write(path, asked.rows)
        ways: dict[str, Callable[[], object]] = {
            "`pandas.read_csv`": lambda: pd.read_csv(path),
            "`read_table` and the schema": lambda: by_schema(path),
            "`Table`: read, decide, sort by task": lambda: qs.tasks.Table(path, "task", "y"),
        }
        seconds = median_seconds_in_turn(list(ways.values()), asked.repeats)
    print("| way | seconds | times pandas |")
    print("|---|---|---|")
    for name, one in zip(ways, seconds, strict=True):
        print(f"| {name} | {one:.2f} | {one / seconds[0]:.2f} |")


if __name__ == "__main__":
    main()
