"""CSV files: their separator and encoding, and all their cells as text."""

import codecs
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from quickstudy.errors import UserError, require
from quickstudy.tasks.tables.asked import NOTHING_ASKED, Reading
from quickstudy.tasks.tables.carriers import FOUND, WRITTEN

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


def layout_of(path: Path, asked: Reading = NOTHING_ASKED) -> FileLayout:
    """Find the separator and the encoding of a CSV file, as far as they are not asked for.

    The encoding is that of the mark at the beginning of the file, UTF-8 if all of it is, else
    Windows-1252. The separator is the comma, semicolon, tab or bar that divides all of the first
    lines into equally many cells, the most if several do.
    """
    encoding = asked.encoding or _encoding(path)
    separator = asked.separator or _separator(path, encoding)
    found = []
    if asked.separator is None and separator != ",":
        found.append(f"cells separated by {NAMES.get(separator, repr(separator))}")
    if asked.encoding is None and encoding not in ("utf-8", "utf-8-sig"):
        found.append(f"encoding {encoding}")
    return FileLayout(separator, encoding, tuple(found))


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        beginning = file.read(4)
    marked = (name for mark, name in MARKS if beginning.startswith(mark))
    return next(marked, None) or ("utf-8" if _is_utf_8(path) else LATIN)


def _is_utf_8(path: Path) -> bool:
    """Whether all bytes of a file are UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _separator(path: Path, encoding: str) -> str:
    lines = _first_lines(path, encoding)
    counts = {sign: _num_cells(lines, sign) for sign in SEPARATORS}
    even = {sign: found[0] for sign, found in counts.items() if len(set(found)) == 1}
    best = max(even, key=even.__getitem__, default=",")
    return best if even.get(best, 0) > 1 else ","


def _first_lines(path: Path, encoding: str) -> list[str]:
    try:
        with path.open(encoding=encoding, newline="") as file:
            text = file.read(SAMPLE)
    except (UnicodeError, LookupError) as error:
        raise UserError(f"{path} should be a csv file. It cannot be read: {error}.") from error
    lines = text.splitlines(keepends=True)
    whole = lines if len(text) < SAMPLE else lines[:-1]
    return whole[:SAMPLE_LINES]


def _num_cells(lines: Sequence[str], separator: str) -> list[int]:
    """Count the cells of each row; a last row that is cut in the middle of a cell is left out."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if row]
    except csv.Error:
        return [0]
    return [len(row) for row in rows] or [0]


def read_delimited(path: Path, asked: Reading = NOTHING_ASKED) -> pd.DataFrame:
    """Read all cells of a CSV file as text; an empty cell is missing.

    A first column without a name that counts the rows, as pandas writes it, is left out. The
    attribute ``quickstudy_found`` of the frame lists what was found out.

    Raises:
        UserError: If it cannot be read, or two columns have the same name.
    """
    layout = layout_of(path, asked)
    try:
        frame = _by_arrow(path, layout)
    except (pa.ArrowInvalid, pa.ArrowKeyError, UnicodeError):
        frame = _by_pandas(path, layout)
    found = list(layout.found)
    if len(frame.columns) > 1 and _counts_rows(frame):
        frame = frame.iloc[:, 1:]
        found.append("a first column without a name, which counts the rows, is left out")
    frame.attrs |= {WRITTEN: True, FOUND: found}
    return frame


def _by_arrow(path: Path, layout: FileLayout) -> pd.DataFrame:
    """Read a file whose rows all have equally many cells."""
    names = _names(path, layout)
    encoding = "utf-8" if layout.encoding == "utf-8-sig" else layout.encoding
    table = pa.csv.read_csv(
        path,
        pa.csv.ReadOptions(encoding=encoding),
        pa.csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
        _as_text(names),
    )
    text = dict(enumerate(map(pd.arrays.ArrowExtensionArray, table.columns)))
    return pd.DataFrame(text, copy=False).set_axis([name.strip() for name in names], axis=1)


def _as_text(names: list[str]) -> Any:
    """Ask for all columns as text, null for an empty cell."""
    return pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )


def _names(path: Path, layout: FileLayout) -> list[str]:
    """Give the cells of the first line that is not empty."""
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    with path.open(encoding=encoding, newline="") as file:
        return next((row for row in csv.reader(file, delimiter=layout.separator) if row), [])


def _by_pandas(path: Path, layout: FileLayout) -> pd.DataFrame:
    """Read a file whose rows lack some of the last cells, or say why it is none."""
    options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_values": [""]}
    try:
        frame = pd.read_csv(path, sep=layout.separator, encoding=layout.encoding, **options)
    except (ValueError, LookupError) as error:
        raise UserError(f"{path} should be a csv file. It cannot be read: {error}") from error
    names = [name.strip() for name in _names(path, layout)]
    even = len(names) == len(frame.columns) and isinstance(frame.index, pd.RangeIndex)
    wanted = f"The rows of {path} should have as many cells as its first line, {len(names)}."
    require(even, f"{wanted} Found more.")
    return frame.set_axis(names, axis=1)


def _counts_rows(frame: pd.DataFrame) -> bool:
    """Whether the first column has no name and counts the rows from 0 or 1."""
    if str(frame.columns[0]).strip():
        return False
    first = frame.iloc[:, 0].tolist()
    return any(first == list(map(str, range(s, len(first) + s))) for s in (0, 1))


__all__ = ["FileLayout", "layout_of", "read_delimited"]
