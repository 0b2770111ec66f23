"""Sources of tasks: one file for each source."""

from quickstudy.describe import register
from quickstudy.tasks.array_file import ArrayFile
from quickstudy.tasks.arrays import Arrays
from quickstudy.tasks.classes import Classes, Episodes, Supervised
from quickstudy.tasks.data import Data
from quickstudy.tasks.family import Family
from quickstudy.tasks.glyphs import Glyphs
from quickstudy.tasks.grouped import Grouped
from quickstudy.tasks.image_files import ImageForm
from quickstudy.tasks.images import Images
from quickstudy.tasks.line import Line
from quickstudy.tasks.mixture import Mixture
from quickstudy.tasks.omniglot import Omniglot
from quickstudy.tasks.registry import SOURCES, open_source, source_class
from quickstudy.tasks.related import Related
from quickstudy.tasks.rows import Rows
from quickstudy.tasks.sinusoid import Sinusoid, SinusoidMetaSGD, SinusoidsAndLines
from quickstudy.tasks.source import FixedTasks, TaskSource
from quickstudy.tasks.table import Table
from quickstudy.tasks.table_tasks import TableTasks

for _source in (
    *(ArrayFile, Arrays, Episodes, Family, Glyphs, Grouped, Images, Line, Mixture, Omniglot),
    *(Related, Rows, Sinusoid, SinusoidMetaSGD, SinusoidsAndLines, Supervised, Table),
):
    register(_source)

__all__ = [
    "SOURCES",
    "ArrayFile",
    "Arrays",
    "Classes",
    "Data",
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
    "Rows",
    "Sinusoid",
    "SinusoidMetaSGD",
    "SinusoidsAndLines",
    "Supervised",
    "Table",
    "TableTasks",
    "TaskSource",
    "open_source",
    "source_class",
]
