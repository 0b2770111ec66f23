"""The pieces of an HTML page. Every piece of text is escaped here and nowhere else."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from quickstudy.reporting.css import CSS


def document(title: str, body: Sequence[str]) -> str:
    """A whole page that needs nothing outside itself."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def element(tag: str, text: str, css: str = "") -> str:
    """``text`` in a ``tag`` of class ``css``; empty for no text."""
    return f"<{tag}{_css(css)}>{escape(text)}</{tag}>" if text else ""


def section(title: str, parts: Sequence[str], css: str = "") -> str:
    """A card with a heading around ``parts``, which are markup."""
    return (
        f"<section{_css(css)}>\n{element('h2', title)}\n"
        + "\n".join(part for part in parts if part)
        + "\n</section>"
    )


def picture(png: bytes, alt: str, reading: str, wide: bool) -> str:
    """An image on white with how to read it below; a ``wide`` one can be scrolled on a phone."""
    data = base64.b64encode(png).decode()
    image = (
        f'<img{_css("wide" if wide else "")} alt="{escape(alt)}" '
        f'src="data:image/png;base64,{data}">'
    )
    return (
        f'<figure>\n<div class="white">{image}</div>\n{element("figcaption", reading)}\n</figure>'
    )


def numbers(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of numbers; the first column is names, the first row is the learner's own."""
    top = "".join(
        f'<th scope="col"{_css("n" if place else "")}>{escape(cell)}</th>'
        for place, cell in enumerate(head)
    )
    body = "\n".join(
        f'<tr{_css("own" if row is rows[0] else "")}><th scope="row">{escape(row[0])}</th>'
        + "".join(element("td", cell, "n") for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        "<div "
        f'class="scroll"><table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'
    )


def settings(values: Mapping[str, str]) -> str:
    """A table of names and values."""
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in values.items()
    )
    return f'<table class="settings">\n<tbody>\n{rows}\n</tbody>\n</table>'


def _css(name: str) -> str:
    return f' class="{name}"' if name else ""
