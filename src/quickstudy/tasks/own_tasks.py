"""A user's source of tasks, used as data."""

from dataclasses import dataclass
from typing import Any

from quickstudy.errors import require
from quickstudy.tasks.data import Data, Pool, check_split
from quickstudy.tasks.source import TaskSource


class OwnTasks(Data):
    """A source of tasks as data: every split is the source itself.

    The tasks of training, validation and evaluation differ because their moments differ. The
    options of the tasks are the options of the source's constructor.

    Args:
        source: The source.
    """

    def __init__(self, source: TaskSource) -> None:
        self.source = source

    def split(self, name: str) -> Pool:
        """Give the source.

        Raises:
            UserError: If ``name`` is no split.
        """
        check_split(name, self.split_names)
        return _Whole(self.source)

    def tasks(self, split: str, **options: Any) -> TaskSource:
        """Give the source; options that are None or False are left out.

        Raises:
            UserError: If an option is given.
        """
        given = [f"`{name}`" for name, value in options.items() if value not in (None, False)]
        kind = type(self.source).__name__
        require(
            not given,
            f"Tasks of {kind} have the options of its constructor only. Found {', '.join(given)}.",
        )
        return self.source

    def evaluation(self, split: str = "test", **options: Any) -> TaskSource:
        """Give the source, as ``tasks`` does."""
        return self.tasks(split, **options)

    def validation(self, **options: Any) -> TaskSource:
        """Give the source, as ``tasks`` does."""
        return self.tasks("validation", **options)


@dataclass(frozen=True)
class _Whole:
    """A source of tasks as the pool of a split."""

    source: TaskSource

    def episodes(self) -> TaskSource:
        """Give the source."""
        return self.source


__all__ = ["OwnTasks"]
