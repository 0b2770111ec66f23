"""The options by which a user says how a table is read."""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from quickstudy.errors import require

KINDS = ("number", "category", "truth value", "date", "ignore")
"""The kinds that can be asked for; a format as ``"%d.%m.%Y"`` is that of dates."""


@dataclass(frozen=True)
class Reading:
    """How a table is to be read, as far as a user says it; the rest is found out.

    Attributes:
        separator: The sign between the cells of a CSV file.
        decimal: The decimal sign, ``"."`` or ``","``.
        encoding: The encoding of a CSV file.
        missing: Text that stands for no value, in every column.
        kinds: The kind of some columns, by name.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    missing: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "separator", _sign(self.separator))
        object.__setattr__(self, "missing", texts(self.missing))

    def _check(self) -> None:
        require(
            self.decimal in (None, ".", ","),
            f"Parameter `decimal` should be '.' or ','. Found {self.decimal!r}.",
        )
        _check_encoding(self.encoding)
        for name, kind in self.kinds.items():
            _check_kind(name, kind)

    @property
    def ignored(self) -> set[str]:
        """The columns that are left out."""
        return {name for name, kind in self.kinds.items() if kind == "ignore"}

    @property
    def for_table(self) -> dict[str, Any]:
        """The arguments of a Table that say the same."""
        return {
            "columns": dict(self.kinds),
            "missing": self.missing,
            "separator": self.separator,
            "decimal": self.decimal,
            "encoding": self.encoding,
        }

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, to be kept with a run."""
        return {**asdict(self), "missing": list(self.missing), "kinds": dict(self.kinds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Reading":
        """Give the options that ``to_dict`` described."""
        return cls(**{**values, "missing": tuple(values["missing"])})


def kinds_of(
    numbers: Sequence[str] = (),
    categories: Sequence[str] = (),
    dates: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> dict[str, str]:
    """Give the kinds of columns that the options of the command line name.

    Raises:
        UserError: If two of them name the same column.

    Example:
        >>> kinds_of(numbers=["price"], ignore=["note"])
        {'price': 'number', 'note': 'ignore'}
    """
    found: dict[str, str] = {}
    asked = {"number": numbers, "category": categories, "date": dates, "ignore": ignore}
    for kind, names in asked.items():
        for name in names:
            other = found.setdefault(name, kind)
            require(
                other == kind,
                f"Column {name!r} should be named by one of --numbers, --categories, --dates and "
                f"--ignore. Found it as {other} and as {kind}.",
            )
    return found


def reading_of(options: Any) -> Reading:
    """Give what the options of a command, or of a source, say of reading.

    Args:
        options: An object with the attributes ``numbers``, ``categories``, ``dates``, ``ignore``,
            ``missing``, ``separator``, ``decimal`` and ``encoding``.

    Raises:
        UserError: If two of them name the same column, or one is out of range.
    """
    kinds = kinds_of(options.numbers, options.categories, options.dates, options.ignore)
    missing = tuple(options.missing)
    return Reading(options.separator, options.decimal, options.encoding, missing, kinds)


def _check_kind(name: str, kind: str) -> None:
    require(
        kind in KINDS or "%" in kind,
        f"The kind of column {name!r} should be one of {', '.join(KINDS)}, or a format of dates as "
        f"'%d.%m.%Y'. Found {kind!r}.",
    )


def _check_encoding(name: str | None) -> None:
    require(
        name is None or _is_encoding(name),
        f"Parameter `encoding` should be an encoding, utf-8 or cp1252 say. Found {name!r}.",
    )


def _is_encoding(name: str) -> bool:
    try:
        return bool(codecs.lookup(name))
    except LookupError:
        return False


def _sign(text: str | None) -> str | None:
    if text is None:
        return None
    sign = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(text, text)
    require(
        len(sign) == 1,
        f"Parameter `separator` should be one sign, or 'tab'. Found {text!r}.",
    )
    return sign


def texts(values: str | Sequence[str]) -> tuple[str, ...]:
    """Give several texts; a single one need not be in a list."""
    return (values,) if isinstance(values, str) else tuple(map(str, values))


NOTHING_ASKED = Reading()
"""All is found out."""

__all__ = ["NOTHING_ASKED", "Reading", "kinds_of", "reading_of", "texts"]
