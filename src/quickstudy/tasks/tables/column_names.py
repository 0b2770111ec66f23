"""The names of a table's columns."""

from collections.abc import Sequence

import pandas as pd

from quickstudy.errors import require


def repeated(names: Sequence[str]) -> list[str]:
    """Give the names that occur more than once, sorted."""
    return sorted({name for name in names if names.count(name) > 1})


def check_distinct(names: Sequence[str], table: str) -> None:
    """Raise if two columns have the same name.

    Args:
        names: The names of the columns.
        table: How the message calls their table.

    Raises:
        UserError: If so.
    """
    twice = repeated(names)
    require(
        not twice,
        f"The columns of {table} should have names of their own. Found {twice[:1]} twice.",
    )


def check_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame whose columns are called by text.

    Raises:
        UserError: If two have the same name.
    """
    names = list(map(str, frame.columns))
    check_distinct(names, "the table")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


__all__ = ["check_distinct", "check_names", "repeated"]
