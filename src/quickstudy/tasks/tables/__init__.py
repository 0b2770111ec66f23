"""What the columns of tables hold, and how files of tables are read."""

from quickstudy.tasks.tables.asked import Reading, kinds_of, reading_of
from quickstudy.tasks.tables.column_schema import ColumnSchema
from quickstudy.tasks.tables.schema import Schema

__all__ = ["ColumnSchema", "Reading", "Schema", "kinds_of", "reading_of"]
