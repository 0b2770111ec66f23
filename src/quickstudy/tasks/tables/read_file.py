"""Reads the rows of a table's file."""

from pathlib import Path

import pandas as pd

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.asked import NOTHING_ASKED, Reading
from quickstudy.tasks.tables.column_names import check_names
from quickstudy.tasks.tables.delimited import read_delimited


def read_table(path: Path, asked: Reading = NOTHING_ASKED) -> pd.DataFrame:
    """Read the rows of a ``.csv`` or ``.parquet`` file.

    The cells of a CSV file are text, which a :class:`~quickstudy.tasks.tables.Schema` reads.

    Raises:
        UserError: If it is missing, of another kind, or cannot be read.
    """
    require(
        path.is_file(),
        f"{path} should be a CSV or Parquet file. Found "
        f"{'no file' if path.exists() else 'nothing there'}.",
    )
    suffix = path.suffix.lower()
    require(
        suffix in (".csv", ".parquet"),
        f"{path} should end in .csv or .parquet. Found {suffix or 'no ending'!r}.",
    )
    frame = read_delimited(path, asked) if suffix == ".csv" else _read_parquet(path)
    require(len(frame) > 0, f"{path} should have rows. Found none.")
    return check_names(frame)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (ValueError, OSError, ImportError) as error:  # pandas' own errors are ValueErrors
        message = f"{path} should be a parquet file. It cannot be read: {error}"
        raise UserError(message) from error


__all__ = ["read_table"]
