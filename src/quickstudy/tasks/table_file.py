"""Examples from a CSV file: a line names the columns, every further line is an example."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch
from torch import Tensor

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.column_names import check_distinct
from quickstudy.tasks.tables.delimited import layout_of
from quickstudy.tasks.tables.writing import writing_of


@dataclass(frozen=True)
class TableFile:
    """A CSV file read as text.

    Attributes:
        path: The file.
        columns: The names that its first line gives.
        rows: The cells of every further line; empty lines are passed over.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def read(cls, path: Path) -> "TableFile":
        """Read ``path``; its separator and encoding are found out.

        Raises:
            UserError: If it is missing, not text, names no columns or one twice, has no example, or
                a line of another length.
        """
        require(
            path.is_file(),
            f"{path} should be a CSV file. Found "
            f"{'no file' if path.exists() else 'nothing there'}.",
        )
        lines = _lines(path)
        require(
            len(lines) >= 2,
            f"{path} should have a line of column names and at least one example. Found "
            f"{len(lines)} lines.",
        )
        columns = tuple(lines[0][1])
        _check_header(path, columns)
        for number, cells in lines[1:]:
            _check_length(f"Line {number} of {path}", len(cells), len(columns))
        return cls(path, columns, tuple(tuple(cells) for _, cells in lines[1:]))

    def texts(self, name: str) -> list[str]:
        """Give the text of column ``name``, which may have empty cells."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]

    def cells(self, name: str) -> list[str]:
        """The text of column ``name``.

        Raises:
            UserError: If there is no such column, or one of its cells is empty.
        """
        require(
            name in self.columns,
            f"{self.path} should have a column {name!r}. Found {', '.join(self.columns)}.",
        )
        found = self.texts(name)
        self._check_filled(name, found)
        return found

    def _check_filled(self, name: str, cells: list[str]) -> None:
        empty = [number for number, cell in enumerate(cells, 1) if not cell]
        require(
            not empty,
            f"Column {name!r} of {self.path} should have no empty cell. Found one in example "
            f"{empty[:1]}.",
        )

    def numbers(self, names: Sequence[str]) -> Tensor:
        """The columns ``names`` as floating point ``[example, feature]``.

        Raises:
            UserError: If there is no such column, or one of its cells is no finite number.
        """
        columns = map(self._numbers, names)
        return torch.tensor(list(zip(*columns, strict=True)))

    def _numbers(self, name: str) -> list[float]:
        """Give the column ``name`` as numbers."""
        cells = self.cells(name)
        found = _numbers(cells)
        if found is None:
            wrong = [cell for cell in cells if not _is_number(cell)]
            raise UserError(
                f"Column {name!r} of {self.path} should hold finite numbers. Found {wrong[:1]}."
            )
        return found


def _check_header(path: Path, columns: tuple[str, ...]) -> None:
    require(
        not all(map(_is_number, columns)),
        f"The first line of {path} should name the columns. Found numbers: {', '.join(columns)}.",
    )
    check_distinct(columns, str(path))


def _check_length(line: str, num_cells: int, wanted: int) -> None:
    require(
        num_cells == wanted,
        f"{line} should have {wanted} cells, as the first. Found {num_cells}.",
    )


def _lines(path: Path) -> list[tuple[int, list[str]]]:
    """Give the number and the cells of every line that is not empty."""
    layout = layout_of(path)
    try:
        with path.open(encoding=layout.encoding_with_mark, newline="") as file:
            rows = enumerate(layout.rows(file), 1)
            return [(number, [cell.strip() for cell in row]) for number, row in rows if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} should be a CSV file. It cannot be read: {error}.") from error


def _numbers(cells: Sequence[str]) -> list[float] | None:
    """Give cells as numbers, also those with decimal commas and the like; None if one is none."""
    if all(map(_is_number, cells)):
        return list(map(float, cells))
    words = pa.array(cells, pa.large_string())
    writing = writing_of(words)
    found = [] if writing is None else writing.parse(words).to_pylist()
    return found if found and all(map(math.isfinite, found)) else None


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False
