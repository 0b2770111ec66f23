"""``quickstudy list``."""

from collections.abc import Sequence
from dataclasses import dataclass

from quickstudy.cli.options import parse
from quickstudy.learners import LEARNERS
from quickstudy.models import MODELS
from quickstudy.tasks import SOURCES


@dataclass(frozen=True)
class ListOptions:
    """Options of ``quickstudy list``: none."""


def main(arguments: Sequence[str]) -> int:
    """Print learners, sources and models with a line each."""
    parse(ListOptions, arguments, "list", "List learners, sources and models.")
    for title, table in (("learners", LEARNERS), ("sources", SOURCES), ("models", MODELS)):
        print(f"{title}:")
        for name, kind in table.items():
            print(f"  {name:<20}{(kind.__doc__ or '').strip().splitlines()[0]}")
    return 0
