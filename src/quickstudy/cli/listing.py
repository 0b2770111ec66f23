"""The command ``quickstudy list``."""

from collections.abc import Sequence
from dataclasses import dataclass

from quickstudy.cli import catalog
from quickstudy.cli.help import listed
from quickstudy.cli.options import parse


@dataclass(frozen=True)
class ListOptions:
    """Options of the command list: none."""


def main(arguments: Sequence[str]) -> int:
    """Print learners, sources and models with a line each."""
    parse(ListOptions, arguments, "list", "List learners, sources and models.")
    for kind in catalog.TABLES:
        print(f"{kind}:\n{listed(catalog.summaries(kind))}")
    return 0
