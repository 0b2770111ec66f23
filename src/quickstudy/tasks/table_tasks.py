"""The rows of some tasks of a table, encoded: what learners see of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

from quickstudy.describe import recorded
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import generator
from quickstudy.targets import Target
from quickstudy.tasks.encoder import Encoder
from quickstudy.tasks.source import FixedTasks

MOST_ROWS = 1 << 16
"""Rows of a batch, with its padding, if tasks are taken in several batches."""


@dataclass(frozen=True, eq=False)
class TableTasks:
    """Encoded rows of several tasks, ordered by task.

    Attributes:
        x: Features ``[row, feature]``.
        y: Targets ``[row, target]`` (NaN for a missing label of several kinds), or class indices
            ``[row]``.
        task: Which of ``names`` a row belongs to ``[row]``, ascending.
        names: The tasks, as the table calls them.
        identity: The place of every task among all of the table ``[task]``.
        target: What they ask for.
        encoder: What made the features.
        label: What these are, for reports.
    """

    x: Tensor
    y: Tensor
    task: Tensor
    names: tuple[str, ...]
    identity: Tensor
    target: Target
    encoder: Encoder
    label: str

    @property
    def sizes(self) -> list[int]:
        """The rows of every task."""
        return self.task.bincount(minlength=len(self.names)).tolist()

    @recorded
    def episodes(self, shot: int, query: int = 15) -> "TableEpisodes":
        """Draw tasks with ``shot`` random rows to learn from and at most ``query`` others."""
        return TableEpisodes(self, shot, query)

    def batch(self, tasks: Sequence[int] | None = None) -> Batch:
        """All rows of some tasks (by default of all), padded."""
        chosen = range(len(self.names)) if tasks is None else tasks
        return self._padded(list(map(self._rows_of, chosen)))

    def batches(self, most_rows: int = MOST_ROWS) -> Iterator[tuple[list[int], Batch]]:
        """Give all tasks in batches of tasks of similar size, so that little is padding.

        Memory is in proportion to the rows, also if one task has many more than the others.

        Yields:
            The places of some tasks, and all their rows, padded; see :meth:`groups`.
        """
        for places in self.groups(range(len(self.names)), most_rows):
            yield places, self.batch(places)

    def groups(self, tasks: Sequence[int], most_rows: int = MOST_ROWS) -> list[list[int]]:
        """Divide ``tasks`` into groups that have at most ``most_rows`` rows with their padding.

        They are one group if they fit. Else tasks of similar size are together, ascending, and a
        task of more rows is a group by itself.
        """
        sizes = self.sizes
        if len(tasks) * max((sizes[place] for place in tasks), default=0) <= most_rows:
            return [list(tasks)]
        found = _in_groups(sorted(tasks, key=sizes.__getitem__), sizes, most_rows)
        return list(map(sorted, found))

    def draw(
        self,
        shot: int,
        query: int | None,
        draw: torch.Generator,
        tasks: Sequence[int] | None = None,
    ) -> Episode:
        """Draw the support and query rows of some tasks, by default of all.

        Each has ``shot`` rows drawn at random as support, and ``query`` others as query (None: all
        others). A task of fewer rows keeps one of them as query and has the others as support.
        """
        chosen = list(range(len(self.names)) if tasks is None else tasks)
        support, others = [], []
        for index in chosen:
            rows = self._in_order_of(draw, index)
            taken = min(shot, len(rows) - 1)
            support.append(rows[:taken])
            others.append(rows[taken:] if query is None else rows[taken : taken + query])
        return Episode(self._padded(support), self._padded(others), self.identity[chosen])

    def _in_order_of(self, draw: torch.Generator, index: int) -> Tensor:
        """Give the rows of a task in random order."""
        rows = self._rows_of(index)
        return rows[torch.randperm(len(rows), generator=draw)]

    def _rows_of(self, index: int) -> Tensor:
        """Give the places of a task's rows, in order."""
        return torch.arange(self._first[index], self._first[index + 1])

    def places(self, identity: Tensor) -> list[int]:
        """Where among these the tasks with the identities ``identity`` ``[task]`` stand."""
        place = {own: index for index, own in enumerate(self.identity.tolist())}
        return [place[own] for own in identity.tolist()]

    def subset(self, tasks: Sequence[int]) -> "TableTasks":
        """The tasks at the places ``tasks`` (ascending)."""
        place = torch.full((len(self.names),), -1)
        place[list(tasks)] = torch.arange(len(tasks))
        rows = place[self.task] >= 0
        return self.of_rows(rows, place[self.task[rows]], list(tasks))

    def of_rows(self, rows: Tensor, task: Tensor, places: list[int]) -> "TableTasks":
        """Give the chosen ``rows`` ``[row]`` (true or false) of some tasks.

        Args:
            rows: Which rows.
            task: The place of each one's task among ``places``.
            places: The tasks that are kept, ascending.
        """
        names = tuple(self.names[index] for index in places)
        return replace(self._of(rows), task=task, names=names, identity=self.identity[places])

    @recorded
    def split_rows(
        self, fraction: float = 0.75, seed: int = 0
    ) -> tuple["TableTasks", "TableTasks"]:
        """Split every task's rows at random, for validation, say.

        The first part holds a ``fraction`` of the rows of every task, at least one, and the second
        the others.
        """
        check_fraction(fraction)
        draw, chosen = generator(seed, "split_rows"), torch.zeros(len(self.x), dtype=torch.bool)
        for rows in torch.arange(len(self.x)).split(self.sizes):
            order = torch.randperm(len(rows), generator=draw)
            chosen[rows[order[: part_of_rows(fraction, len(rows))]]] = True
        return self._of(chosen), self._of(~chosen)

    @cached_property
    def _first(self) -> list[int]:
        """Give the place where each task's rows begin, and the end; every step reads it."""
        return [0, *accumulate(self.sizes)]

    def _of(self, rows: Tensor) -> "TableTasks":
        return replace(self, x=self.x[rows], y=self.y[rows], task=self.task[rows])

    def _padded(self, rows: list[Tensor]) -> Batch:
        longest = max(map(len, rows), default=0)
        index = torch.zeros(len(rows), longest, dtype=torch.long)
        mask = torch.zeros(len(rows), longest, dtype=self._dtype)
        for place, own in enumerate(rows):
            index[place, : len(own)], mask[place, : len(own)] = own, 1
        return self._batch(index, mask)

    @property
    def _dtype(self) -> torch.dtype:
        """The dtype of features, and of masks."""
        return self.x.dtype if self.x.is_floating_point() else torch.get_default_dtype()

    def _batch(self, index: Tensor, mask: Tensor) -> Batch:
        """Give the rows at ``index`` ``[task, example]``, zeros where ``mask`` is 0."""
        return Batch(_masked(self.x[index], mask), _masked(self.y[index], mask), mask, self.target)


@dataclass(frozen=True, eq=False)
class TableEpisodes(FixedTasks):
    """Draws tasks of a table with some support rows, and at most some query rows.

    A task of fewer rows is padded.
    """

    tasks: TableTasks
    shot: int
    query: int
    target: Target = field(init=False)
    num_tasks: int = field(init=False)

    def __post_init__(self) -> None:
        _check_sizes(self.shot, self.query)
        object.__setattr__(self, "target", self.tasks.target)
        object.__setattr__(self, "num_tasks", len(self.tasks.names))

    def draw(self, places: Sequence[int], generator: torch.Generator) -> Episode:
        """The tasks at ``places`` with rows drawn at random."""
        return _to_size(
            self.tasks.draw(self.shot, self.query, generator, places), self.shot, self.query
        )

    def describe(self) -> dict[str, object]:
        """Table, tasks, rows, shot and query."""
        return {
            "source": self.tasks.label,
            "num_tasks": len(self.tasks.names),
            "rows": len(self.tasks.x),
            "shot": self.shot,
            "query": self.query,
        }


def check_fraction(fraction: float) -> None:
    """Raise if a part of the rows is none or all of them.

    Raises:
        UserError: If so.
    """
    require(
        0 < fraction < 1,
        f"Parameter `fraction` should be between 0 and 1. Found fraction={fraction}.",
    )


def part_of_rows(fraction: float, num_rows: int) -> int:
    """Give the number of rows that are a ``fraction`` of all, at least one."""
    return max(1, round(fraction * num_rows))


def _in_groups(tasks: list[int], sizes: list[int], most_rows: int) -> list[list[int]]:
    """Divide tasks, which are ordered by their sizes, into groups of at most ``most_rows``."""
    found: list[list[int]] = [[]]
    for place in tasks:
        if found[-1] and (len(found[-1]) + 1) * sizes[place] > most_rows:
            found.append([])
        found[-1].append(place)
    return found


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    """Put zeros in place of padding in ``values`` ``[task, example, ...]``."""
    return values.masked_fill(_with_axes(mask, values.ndim) == 0, 0)


def _with_axes(mask: Tensor, ndim: int) -> Tensor:
    """Give a mask ``[task, example]`` as many axes as its values have."""
    return mask.reshape(*mask.shape, *[1] * (ndim - 2))


def _check_sizes(shot: int, query: int) -> None:
    require(shot >= 0, f"Parameter `shot` should be at least 0. Found shot={shot}.")
    require(query >= 1, f"Parameter `query` should be at least 1. Found query={query}.")


def _to_size(episode: Episode, shot: int, query: int) -> Episode:
    """Pad both batches to the sizes asked for, so that episodes of different draws can join."""
    return Episode(
        _padded_to(episode.support, shot), _padded_to(episode.query, query), episode.task
    )


def _padded_to(batch: Batch, size: int) -> Batch:
    lacking = size - batch.x.shape[1]
    return batch if lacking <= 0 else batch.each(lambda values: _lengthened(values, lacking))


def _lengthened(values: Tensor, lacking: int) -> Tensor:
    """Append zeros to ``values`` ``[task, example, ...]``."""
    zeros = values.new_zeros(len(values), lacking, *values.shape[2:])
    return torch.cat([values, zeros], 1)


__all__ = ["TableEpisodes", "TableTasks", "check_fraction", "part_of_rows"]
