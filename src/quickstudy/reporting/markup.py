"""Makes the pieces of an HTML page; every text is escaped here and nowhere else."""

import base64
from collections.abc import Mapping, Sequence
from html import escape
from itertools import chain, repeat

from quickstudy.reporting.css import CSS


def document(title: str, body: Sequence[str]) -> str:
    """Make a whole page that needs nothing outside itself."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def element(tag: str, text: str, css: str = "") -> str:
    """Put ``text`` in a ``tag`` of class ``css``; empty for no text."""
    return f"<{tag}{_css(css)}>{escape(text)}</{tag}>" if text else ""


def section(title: str, parts: Sequence[str], css: str = "") -> str:
    """Make a card with a heading around ``parts``, which are markup."""
    return (
        f"<section{_css(css)}>\n{element('h2', title)}\n"
        + "\n".join(part for part in parts if part)
        + "\n</section>"
    )


def picture(png: bytes, alt: str, reading: str, wide: bool) -> str:
    """Show an image on white, its reading below; a ``wide`` one can be scrolled on a phone."""
    data = base64.b64encode(png).decode()
    css = _css("wide" if wide else "")
    image = f'<img{css} alt="{escape(alt)}" src="data:image/png;base64,{data}">'
    caption = element("figcaption", reading)
    return f'<figure>\n<div class="white">{image}</div>\n{caption}\n</figure>'


def numbers_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a table of numbers, with names in the first column; the first row is emphasised."""
    table = f"<thead><tr>{_top(head)}</tr></thead>\n<tbody>\n{_body(rows)}\n</tbody>"
    return f'<div class="scroll"><table>\n{table}\n</table></div>'


def settings(values: Mapping[str, str]) -> str:
    """Make a table of names and values."""
    rows = "\n".join(map(_setting, values.keys(), values.values()))
    return f'<table class="settings">\n<tbody>\n{rows}\n</tbody>\n</table>'


def _setting(name: str, value: str) -> str:
    return f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'


def _top(head: Sequence[str]) -> str:
    """Make the head of a table of numbers."""
    return _head(head[0], "") + "".join(_head(cell, "n") for cell in head[1:])


def _body(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(map(_row, rows, chain(["own"], repeat(""))))


def _head(cell: str, css: str) -> str:
    return f'<th scope="col"{_css(css)}>{escape(cell)}</th>'


def _row(row: Sequence[str], css: str) -> str:
    cells = "".join(element("td", cell, "n") for cell in row[1:])
    return f'<tr{_css(css)}><th scope="row">{escape(row[0])}</th>{cells}</tr>'


def _css(name: str) -> str:
    return f' class="{name}"' if name else ""
