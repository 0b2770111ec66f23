"""The page on how related the tasks of a table are."""

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
    """Write ``folder/relatedness.html``, one page that needs nothing outside itself, and its figure
    in ``folder/figures``.

    Args:
        folder: Where.
        found: What :func:`quickstudy.relatedness.relate` gave.
        title: Heading of the page.
        settings: How it was measured, plain values by name.

    Returns:
        The path of the page.

    Raises:
        OSError: If a file cannot be written.
    """
    folder, shown = Path(folder), shown_relatedness(found)
    words = [markup.element("p", line) for line in relation(found)]
    body = [
        markup.element("h1", title),
        markup.section(
            "In short", [markup.element("p", groups_in_words(found), "number"), *words], "result"
        ),
        markup.section(shown.title, [shown.keep(folder)]),
    ]
    if found.num_groups > 1:
        body.append(
            markup.section(
                "The groups",
                [markup.settings(dict(_group(found, group) for group in range(found.num_groups)))],
            )
        )
    if isinstance(settings, dict):
        body.append(markup.section("How it was measured", [markup.settings(flat(settings))]))
    page = folder / "relatedness.html"
    write_atomically(page, markup.document(title, body).encode())
    return page


def _group(found: Relatedness, group: int) -> tuple[str, str]:
    names = found.members(group)
    return f"group {group + 1}, {len(names)} task{'s' * (len(names) > 1)}", ", ".join(names)


def groups_in_words(found: Relatedness) -> str:
    """``3 groups of tasks``, or that there is one."""
    return (
        f"{found.num_groups} groups of tasks"
        if found.num_groups > 1
        else "One group: the rows tell no others apart"
    )


__all__ = ["groups_in_words", "write_relatedness"]
