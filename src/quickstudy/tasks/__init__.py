"""Where tasks come from: one file a source."""

from quickstudy.tasks.arrays import Arrays
from quickstudy.tasks.classes import Classes, Episodes, Supervised
from quickstudy.tasks.family import Family
from quickstudy.tasks.glyphs import Glyphs
from quickstudy.tasks.grouped import Grouped
from quickstudy.tasks.image_files import ImageForm
from quickstudy.tasks.images import Images
from quickstudy.tasks.omniglot import Omniglot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import TaskSource
from quickstudy.tasks.table import Table, TableTasks

SOURCES: dict[str, type] = {"glyphs": Glyphs, "omniglot": Omniglot, "sinusoid": Sinusoid}
"""The sources known by name to the command line."""

__all__ = [
    "SOURCES",
    "Arrays",
    "Classes",
    "Episodes",
    "Family",
    "Glyphs",
    "Grouped",
    "ImageForm",
    "Images",
    "Omniglot",
    "Sinusoid",
    "Supervised",
    "Table",
    "TableTasks",
    "TaskSource",
]
