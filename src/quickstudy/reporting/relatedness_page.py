"""Writes the page on the relatedness of the tasks of a table."""

from pathlib import Path

from quickstudy.cache import write_atomically
from quickstudy.relatedness import Relatedness
from quickstudy.reporting import markup
from quickstudy.reporting.figures import shown_relatedness
from quickstudy.reporting.settings import flat
from quickstudy.reporting.words import relation


def write_relatedness(
    folder: str | Path,
    found: Relatedness,
    title: str = "How related the tasks are",
    settings: object = None,
) -> Path:
    """Write ``folder/relatedness.html``, which needs nothing outside itself.

    Its figure is also written to ``folder/figures``.

    Args:
        folder: The folder of the page.
        found: The result of :func:`quickstudy.relatedness.relate`.
        title: Heading of the page.
        settings: The settings of the measurement, plain values by name.

    Returns:
        The path of the page.

    Raises:
        OSError: If a file cannot be written.
    """
    folder = Path(folder)
    body = [markup.element("h1", title), _in_short(found)]
    body.append(shown_relatedness(found).section(folder))
    if found.num_groups > 1:
        body.append(_groups(found))
    if isinstance(settings, dict):
        body.append(markup.section("How it was measured", [markup.settings(flat(settings))]))
    page = folder / "relatedness.html"
    write_atomically(page, markup.document(title, body).encode())
    return page


def _in_short(found: Relatedness) -> str:
    words = [markup.element("p", groups_in_words(found), "number")]
    words += [markup.element("p", line) for line in relation(found)]
    return markup.section("In short", words, "result")


def _groups(found: Relatedness) -> str:
    """Give the section that names the tasks of every group."""
    groups = dict(_group(found, group) for group in range(found.num_groups))
    return markup.section("The groups", [markup.settings(groups)])


def _group(found: Relatedness, group: int) -> tuple[str, str]:
    names = found.members(group)
    return f"group {group + 1}, {len(names)} task{'s' * (len(names) > 1)}", ", ".join(names)


def groups_in_words(found: Relatedness) -> str:
    """Count the groups of tasks in words."""
    if found.num_groups > 1:
        return f"{found.num_groups} groups of tasks"
    return "One group: the rows tell no others apart"


__all__ = ["groups_in_words", "write_relatedness"]
