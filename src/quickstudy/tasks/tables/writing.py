"""How the numbers of a column are written: decimal signs, thousands, percent, currency."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Text = Any
"""An Arrow array of strings."""

MISSING = (
    *("", "na", "n/a", "#n/a", "#na", "#n/a n/a", "<na>", "nan", "-nan", "null", "none", "nil"),
    *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "#value!", "#div/0!", "?", "-", "--", ".", "nat"),
)
"""Usual spellings of a missing number, in small letters."""
CODES = "USD|EUR|GBP|CHF|JPY|CNY|INR|AUD|CAD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|KRW|TRY|RUB"
CURRENCY = rf"(?:(?:US|A|C|R|NZ|HK|S)?[$€£¥₹₽₩₺₪฿₫₴₦]|{CODES}|[Kk]r\.?|zł|Kč|Fr\.?)"
DIGITS = r"[+-]?[0-9.,' \x{a0}\x{202f}]*[0-9][.,]?"
SIGNED = rf"^([+-]?)\s*{CURRENCY}?\s*({DIGITS})\s*{CURRENCY}?\s*(%?)$"
"""A number with a sign, a currency before or behind it, and a percent sign."""
PLAIN = r"^\s*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|(?i:inf|infinity))\s*$"
IN_BRACKETS = r"^\((.*[0-9].*)\)$"
"""A negative amount as accountants write it."""
MARKS = {"": "", ",": "commas", ".": "points", " ": "blanks", "'": "apostrophes"}


@dataclass(frozen=True)
class Writing:
    """How the numbers of a column are written.

    Attributes:
        decimal: The decimal sign, a point or a comma.
        thousands: The sign between thousands, empty for none.
        percent: Whether some have a percent sign: 45 % is 0.45.
        currency: Whether some have a currency, or brackets if they are negative.
    """

    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    currency: bool = False

    def __str__(self) -> str:
        """Say what is not plain about it."""
        told = ["decimal commas"] if self.decimal == "," else []
        told += [f"{MARKS[self.thousands]} between thousands"] if self.thousands else []
        told += ["percent signs (45% is 0.45)"] if self.percent else []
        told += ["a currency"] if self.currency else []
        return ", ".join(told)

    @property
    def pattern(self) -> str:
        """The regular expression of such a number without percent sign and currency."""
        point, mark = re.escape(self.decimal), re.escape(self.thousands)
        whole = rf"[0-9]+|[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{2,3}})*{mark}[0-9]{{3}}"
        whole = whole if mark else "[0-9]+"
        return rf"^[+-]?((?:{whole})(?:{point}[0-9]*)?|{point}[0-9]+)$"

    def parse(self, words: Text) -> Text:
        """Give the numbers that ``words`` are, null where one is none."""
        words = _with_minus(words)
        plain = _plain(words)
        return plain if self == PLAINLY else self._or_plain(self._parse_bare(words), plain)

    def _or_plain(self, found: Text, plain: Text) -> Text:
        """Take plain numbers for those not found, if they cannot mean another number."""
        exact = self.decimal == "." and not self.thousands
        return pc.coalesce(found, plain) if exact else found

    def _parse_bare(self, words: Text) -> Text:
        bare, percent = _bare(words)
        good = pc.match_substring_regex(bare, self.pattern)
        found = _cast(self._with_point(bare), good)
        return pc.if_else(percent, pc.divide(found, 100.0), found)

    def _with_point(self, bare: Text) -> Text:
        """Write numbers with a decimal point, and without signs between thousands."""
        if self.thousands:
            bare = pc.replace_substring(bare, self.thousands, "")
        return pc.replace_substring(bare, self.decimal, ".")


PLAINLY = Writing()
"""Numbers as Python writes them."""


def _cast(words: Text, good: Text) -> Text:
    chosen = pc.if_else(good, pc.utf8_trim_whitespace(words), pa.scalar(None, words.type))
    return pc.cast(chosen, pa.float64())


def _plain(words: Text) -> Text:
    """Give the numbers that words are as Python writes them."""
    return _cast(words, pc.match_substring_regex(words, PLAIN))


def _bare(words: Text) -> tuple[Text, Text]:
    """Take signs of currency and percent away, and say which words had a percent sign."""
    words = pc.utf8_trim_whitespace(_with_minus(words))
    words = pc.replace_substring_regex(words, IN_BRACKETS, r"-\1")
    bare = _with_usual_marks(pc.replace_substring_regex(words, SIGNED, r"\1\2"))
    return pc.utf8_trim_whitespace(bare), pc.ends_with(words, "%")


def _with_minus(words: Text) -> Text:
    """Write every minus sign as Python does."""
    return pc.replace_substring(words, "−", "-")


def _with_usual_marks(words: Text) -> Text:
    """Write blanks and apostrophes between thousands as ASCII does."""
    words = pc.replace_substring_regex(words, r"[\x{a0}\x{202f}\x{2009}]", " ")
    return pc.replace_substring_regex(words, "’", "'")


def writing_of(words: Text, comma: bool = False) -> Writing | None:
    """Find how numbers are written; None if some of ``words`` are no numbers.

    Args:
        words: Distinct cells without those that are missing.
        comma: Whether numbers of the table have decimal commas, if these can be read both ways:
            1,234 and 1.234.
    """
    plain = all_match(words, PLAIN)
    if plain and not comma:
        return PLAINLY
    bare, _ = _bare(words)
    percent = some_match(words, r"%\s*$")
    currencies = _currencies(words)
    if len(currencies) > 1:
        return None
    signs = _candidates(comma)
    likely = (Writing(point, mark, percent, bool(currencies)) for point, mark in signs)
    fitting = (writing for writing in likely if all_match(bare, writing.pattern))
    return next(fitting, PLAINLY if plain else None)


def _currencies(words: Text) -> set[str]:
    """Give the currencies in ``words``, brackets of negative amounts as one without a name.

    Amounts in two currencies cannot be compared.
    """
    if not some_match(words, rf"{CURRENCY}|^\s*\("):
        return set()
    return _named_currencies(words) or {""}


def _named_currencies(words: Text) -> set[str]:
    return {found for word in words.to_pylist() for found in re.findall(CURRENCY, word)}


def has_commas(words: Text) -> bool:
    """Whether numbers have decimal commas without doubt."""
    found = writing_of(words)
    return found is not None and found.decimal == ","


def _candidates(comma: bool) -> Iterator[tuple[str, str]]:
    """Give the decimal signs and signs between thousands, the likelier first."""
    signs = (",", ".") if comma else (".", ",")
    for first, second in (signs, signs[::-1]):
        yield first, ""
        yield first, second
        yield first, " "
        yield first, "'"


def all_match(words: Text, pattern: str) -> bool:
    """Whether all words match a regular expression."""
    return bool(pc.all(pc.match_substring_regex(words, pattern), min_count=0).as_py())


def some_match(words: Text, pattern: str) -> bool:
    """Whether a word matches a regular expression."""
    return bool(pc.any(pc.match_substring_regex(words, pattern), min_count=0).as_py())


def is_missing_number(words: Text) -> Text:
    """Say which words are usual spellings of a missing number."""
    small = pc.utf8_lower(pc.utf8_trim_whitespace(words))
    return pc.is_in(small, pa.array(MISSING, words.type))


__all__ = [
    "MISSING",
    "PLAINLY",
    "Writing",
    "all_match",
    "has_commas",
    "is_missing_number",
    "some_match",
    "writing_of",
]
