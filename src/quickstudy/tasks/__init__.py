"""Where tasks come from: one file a source."""

from quickstudy.describe import register
from quickstudy.tasks.arrays import Arrays
from quickstudy.tasks.classes import Classes, Episodes, Supervised
from quickstudy.tasks.family import Family
from quickstudy.tasks.glyphs import Glyphs
from quickstudy.tasks.grouped import Grouped
from quickstudy.tasks.image_files import ImageForm
from quickstudy.tasks.images import Images
from quickstudy.tasks.line import Line
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.omniglot import Omniglot
from quickstudy.tasks.related import Related
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import FixedTasks, TaskSource
from quickstudy.tasks.table import Table
from quickstudy.tasks.table_tasks import TableTasks

SOURCES: dict[str, type] = {"glyphs": Glyphs, "omniglot": Omniglot, "sinusoid": Sinusoid}
"""The sources known by name to the command line."""

for _source in (
    *(Arrays, Episodes, Family, Glyphs, Grouped, Images, Line, Mixture),
    *(Omniglot, Related, Sinusoid, Supervised, Table),
):
    register(_source)

__all__ = [
    "SOURCES",
    "Arrays",
    "Classes",
    "Episodes",
    "Family",
    "FixedTasks",
    "Glyphs",
    "Grouped",
    "ImageForm",
    "Images",
    "Line",
    "Mixture",
    "Omniglot",
    "Related",
    "Sinusoid",
    "Supervised",
    "Table",
    "TableTasks",
    "TaskSource",
]
