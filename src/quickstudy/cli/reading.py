"""Options of the commands that read a table."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How a table is read, if something else is found out."""

    numbers: tuple[str, ...] = ()
    """Columns that hold numbers, if something else is found out."""
    categories: tuple[str, ...] = ()
    """Columns that hold categories, each value a feature."""
    dates: tuple[str, ...] = ()
    """Columns that hold dates."""
    ignore: tuple[str, ...] = ()
    """Columns to leave out."""
    missing: tuple[str, ...] = ()
    """Texts that stand for no value, besides the usual ones."""
    separator: str | None = None
    """The sign between cells; by default it is found out."""
    decimal: str | None = None
    """The decimal sign of numbers; by default it is found out."""
    encoding: str | None = None
    """The encoding of the file; by default UTF-8, or Windows-1252 if it is not."""


__all__ = ["ReadingOptions"]
