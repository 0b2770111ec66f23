"""The parts of a network that a task can own: one file a part."""

from quickstudy.learners.parts.all import All
from quickstudy.learners.parts.body import Body
from quickstudy.learners.parts.context import Context
from quickstudy.learners.parts.embedding import Embedding
from quickstudy.learners.parts.head import Head
from quickstudy.learners.parts.named import Named
from quickstudy.learners.parts.new_head import NewHead
from quickstudy.learners.parts.offsets import Offsets, Relation
from quickstudy.learners.parts.part import Examples, Part, Shared, Tasks
from quickstudy.learners.parts.weights import HeadStart, WeightsPart, head_start

__all__ = [
    "All",
    "Body",
    "Context",
    "Embedding",
    "Examples",
    "Head",
    "HeadStart",
    "Named",
    "NewHead",
    "Offsets",
    "Part",
    "Relation",
    "Shared",
    "Tasks",
    "WeightsPart",
    "head_start",
]
