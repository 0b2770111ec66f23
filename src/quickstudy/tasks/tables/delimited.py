"""CSV files: their separator and encoding, and all their cells as text."""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.asked import NOTHING_ASKED, Reading
from quickstudy.tasks.tables.carriers import FOUND, WRITTEN
from quickstudy.tasks.tables.plain_columns import NO_NUMBERS, plain_columns
from quickstudy.tasks.tables.words import nulled

SEPARATORS = (",", ";", "\t", "|")
NAMES = {"\t": "tab"}
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Bytes at the beginning of a file that say its encoding."""
LATIN = "cp1252"
SAMPLE, SAMPLE_LINES = 1 << 18, 100
BLOCK = 1 << 24
UNREADABLE = (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeError)
"""The errors of Arrow's reader for a file that another reader may read."""


@dataclass(frozen=True)
class FileLayout:
    """How a CSV file is written.

    Attributes:
        separator: The sign between its cells.
        encoding: Its encoding.
        found: What of it was found out, in words.
    """

    separator: str
    encoding: str
    found: tuple[str, ...] = ()

    @property
    def encoding_with_mark(self) -> str:
        """The encoding, which passes over the mark at the beginning of a file of UTF-8."""
        return "utf-8-sig" if self.encoding == "utf-8" else self.encoding

    @property
    def encoding_without_mark(self) -> str:
        """The encoding for a reader that passes over the mark itself."""
        return "utf-8" if self.encoding == "utf-8-sig" else self.encoding

    def rows(self, file: Iterable[str]) -> Iterator[list[str]]:
        """Give the cells of every line of an open file."""
        return csv.reader(file, delimiter=self.separator)


def layout_of(path: Path, asked: Reading = NOTHING_ASKED, whole: bool = True) -> FileLayout:
    """Find the separator and the encoding of a CSV file, as far as they are not asked for.

    The encoding is that of the mark at the beginning of the file, UTF-8 if all of it is, else
    Windows-1252. The separator is the comma, semicolon, tab or bar that divides all of the first
    lines into equally many cells, the most if several do.

    Args:
        path: The file.
        asked: What is asked for.
        whole: Whether all of the file is looked at for its encoding, or its beginning only.
    """
    encoding = asked.encoding or _encoding(path, whole)
    separator = asked.separator or _separator(_first_lines(path, encoding))
    layout = FileLayout(separator, encoding)
    return replace(layout, found=tuple(_found_out(layout, asked)))


def _found_out(layout: FileLayout, asked: Reading) -> Iterator[str]:
    """Say what is unusual about a file that nobody said."""
    if asked.separator is None and layout.separator != ",":
        yield f"cells separated by {NAMES.get(layout.separator, repr(layout.separator))}"
    if asked.encoding is None and layout.encoding_with_mark != "utf-8-sig":
        yield f"encoding {layout.encoding}"


def _encoding(path: Path, whole: bool) -> str:
    return _marked(path) or ("utf-8" if _is_utf_8(path, whole) else LATIN)


def _marked(path: Path) -> str | None:
    """Give the encoding that the mark at the beginning of a file says; None without a mark."""
    with path.open("rb") as file:
        beginning = file.read(4)
    return next((name for mark, name in MARKS if beginning.startswith(mark)), None)


def _is_utf_8(path: Path, whole: bool) -> bool:
    """Whether all bytes of a file, or of its first block, are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in _blocks(path, whole):
            decoder.decode(block)
        decoder.decode(b"", final=whole)
    except UnicodeDecodeError:
        return False
    return True


def _blocks(path: Path, whole: bool) -> Iterator[bytes]:
    """Give the bytes of a file, or of its beginning."""
    with path.open("rb") as file:
        yield file.read(SAMPLE)
        while block := file.read(BLOCK if whole else 0):
            yield block


def _separator(lines: Sequence[str]) -> str:
    counts = {sign: _num_cells(lines, sign) for sign in SEPARATORS}
    best = max(counts, key=counts.__getitem__)
    return best if counts[best] > 1 else ","


def _num_cells(lines: Sequence[str], separator: str) -> int:
    """Give the number of cells that every line has; 0 if they differ."""
    counts = set(map(len, _cells(lines, separator)))
    return counts.pop() if len(counts) == 1 else 0


def _first_lines(path: Path, encoding: str) -> list[str]:
    return _whole_lines(_beginning(path, encoding))[:SAMPLE_LINES]


def _whole_lines(text: str) -> list[str]:
    """Give the lines of a file's beginning, without the last if it may be cut."""
    lines = list(io.StringIO(text, newline=""))
    return lines if len(text) < SAMPLE else lines[:-1]


def _beginning(path: Path, encoding: str) -> str:
    try:
        with path.open(encoding=encoding, newline="") as file:
            return file.read(SAMPLE)
    except (UnicodeError, LookupError) as error:
        raise UserError(f"{path} should be a csv file. It cannot be read: {error}.") from error


def _cells(lines: Sequence[str], separator: str) -> list[list[str]]:
    """Give the cells of each line that is not empty."""
    try:
        return [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return []


def read_delimited(path: Path, asked: Reading = NOTHING_ASKED) -> pd.DataFrame:
    """Read the cells of a CSV file as text; an empty cell is missing.

    Columns of plain numbers with decimal points are read as numbers at once, which is faster.

    A first column without a name that counts the rows, as pandas writes it, is left out. The
    attribute ``quickstudy_found`` of the frame lists what was found out.

    Raises:
        UserError: If it cannot be read, or two columns have the same name.
    """
    frame, layout = _frame_of(path, asked)
    found = list(layout.found)
    if len(frame.columns) > 1 and _counts_rows(frame):
        frame = frame.iloc[:, 1:]
        found.append("a first column without a name, which counts the rows, is left out")
    frame.attrs |= {WRITTEN: True, FOUND: found}
    return frame


def _frame_of(path: Path, asked: Reading) -> tuple[pd.DataFrame, FileLayout]:
    """Read a file as its beginning is written, or else as all of it is."""
    layout = layout_of(path, asked, whole=False)
    try:
        return _by_arrow(path, layout, _plain(path, layout, asked), False), layout
    except UNREADABLE:
        layout = layout_of(path, asked)
        return _all_text(path, layout), layout


def _plain(path: Path, layout: FileLayout, asked: Reading) -> set[str]:
    """Give the columns whose first cells are plain numbers; such are read much faster."""
    header, *rows = _cells(_first_lines(path, layout.encoding), layout.separator) or [[]]
    even = all(len(row) == len(header) for row in rows)
    if not even or asked.decimal == ",":
        return set()
    return {name for name, plain in zip(header, plain_columns(rows), strict=False) if plain}


def _all_text(path: Path, layout: FileLayout) -> pd.DataFrame:
    try:
        return _by_arrow(path, layout, set(), True)
    except UNREADABLE:
        return _by_pandas(path, layout)


def _by_arrow(path: Path, layout: FileLayout, plain: set[str], with_lines: bool) -> pd.DataFrame:
    """Read a file whose rows all have equally many cells; ``plain`` columns are numbers.

    Without ``with_lines``, reading fails if a cell of a large file has several lines.
    """
    names = _names(path, layout)
    table = pa.csv.read_csv(
        path,
        pa.csv.ReadOptions(encoding=layout.encoding_without_mark, use_threads=pa.cpu_count() > 1),
        pa.csv.ParseOptions(delimiter=layout.separator, newlines_in_values=with_lines),
        _types(names, plain),
    )
    return _named(pd.DataFrame(dict(enumerate(map(_column, table.columns))), copy=False), names)


def _named(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Call the columns of a frame by names, without the blanks around them."""
    return frame.set_axis([name.strip() for name in names], axis=1)


def _types(names: list[str], plain: set[str]) -> Any:
    """Ask for text, or for numbers, in every column."""
    types = dict.fromkeys(names, pa.large_string()) | dict.fromkeys(plain, pa.float64())
    return pa.csv.ConvertOptions(
        column_types=types, null_values=NO_NUMBERS, strings_can_be_null=False
    )


def _column(values: Any) -> Any:
    """Give a column as numbers, NaN for none, or as text, null for an empty cell."""
    if pa.types.is_floating(values.type):
        return values.to_numpy()
    return pd.arrays.ArrowExtensionArray(nulled(values, pc.equal(values, "")))


def _names(path: Path, layout: FileLayout) -> list[str]:
    """Give the cells of the first line that is not empty."""
    with path.open(encoding=layout.encoding_with_mark, newline="") as file:
        return next(filter(None, layout.rows(file)), [])


def _by_pandas(path: Path, layout: FileLayout) -> pd.DataFrame:
    """Read a file whose rows lack some of the last cells, or say why it is none."""
    frame = _cells_by_pandas(path, layout)
    names = _names(path, layout)
    even = len(names) == len(frame.columns) and isinstance(frame.index, pd.RangeIndex)
    wanted = f"The rows of {path} should have as many cells as its first line, {len(names)}."
    require(even, f"{wanted} Found more.")
    return _named(frame, names)


def _cells_by_pandas(path: Path, layout: FileLayout) -> pd.DataFrame:
    options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    try:
        return pd.read_csv(path, sep=layout.separator, encoding=layout.encoding, **options)
    except (ValueError, LookupError) as error:
        raise UserError(f"{path} should be a csv file. It cannot be read: {error}") from error


def _counts_rows(frame: pd.DataFrame) -> bool:
    """Whether the first column has no name and counts the rows from 0 or 1."""
    if str(frame.columns[0]).strip():
        return False
    first = frame.iloc[:, 0].tolist()
    return first in (_counted(len(first), 0), _counted(len(first), 1))


def _counted(num_rows: int, start: int) -> list[str]:
    return list(map(str, range(start, num_rows + start)))


__all__ = ["FileLayout", "layout_of", "read_delimited"]
