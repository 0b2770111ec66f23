"""A pool of classes held in memory, and the N-way K-shot tasks drawn from it."""

from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Literal, get_args

import torch
from torch import Tensor

from quickstudy import targets
from quickstudy.describe import recorded
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.random import Moment, distinct
from quickstudy.tasks.source import TaskSource

Range = int | tuple[int, int]
Rotations = Literal["classes", "task"]
Turning = Literal["classes", "task", "none"]
"""How a source uses rotated examples in training: as classes, one drawn for each task, or not."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Examples grouped by class: what N-way K-shot tasks are drawn from.

    Class ``c`` owns the rows ``start[c] … start[c] + size[c] - 1`` of ``x``.

    Attributes:
        x: All examples ``[row, *feature]``. ``uint8`` images are turned into floating point in
            ``[0, 1]`` when drawn; any other dtype is used as it is.
        start: First row of every class ``[class]``.
        size: Number of rows of every class ``[class]``.
        names: A name for every class.
        groups: The group of every class (its alphabet, its script), as an index into
            ``group_names``.
        group_names: A name for every group.
        label: What this pool is, e.g. ``"omniglot/test"``.
        num_rotations: 1, or 4 if classes ``4b … 4b + 3`` are base class ``b`` turned by 0°, 90°,
            180°, 270°.
        rotations: How tasks use the rotations, if they do not say it, see :class:`Episodes`.
    """

    x: Tensor
    start: Tensor
    size: Tensor
    names: tuple[str, ...]
    groups: Tensor
    group_names: tuple[str, ...]
    label: str
    num_rotations: int = 1
    rotations: Rotations = "classes"

    @property
    def num_classes(self) -> int:
        """How many classes the pool holds, rotated ones included."""
        return len(self.start)

    def subset(self, classes: Tensor, label: str) -> "Classes":
        """Give the pool of only the given class indices."""
        names = tuple(self.names[i] for i in classes.tolist())
        return replace(
            self,
            start=self.start[classes],
            size=self.size[classes],
            names=names,
            groups=self.groups[classes],
            label=label,
        )

    @recorded
    def with_rotations(self) -> "Classes":
        """Every class turned by 0°, 90°, 180° and 270° as four classes (square images only)."""
        require(self.num_rotations == 1, "This pool has its rotations already.")
        height, width = self.x.shape[-2:] if self.x.ndim > 2 else (1, self.x.shape[-1])
        require(
            height == width,
            "Only square images can be rotated. Found examples of shape "
            f"{tuple(self.x.shape[1:])}.",
        )
        turned = torch.cat([torch.rot90(self.x, quarter, (-2, -1)) for quarter in range(4)])
        offsets = torch.arange(4) * len(self.x)
        names = tuple(
            f"{name}/rot{90 * quarter:03d}" for name in self.names for quarter in range(4)
        )
        return replace(
            self,
            x=turned,
            start=(self.start[:, None] + offsets).flatten(),
            size=self.size.repeat_interleave(4),
            groups=self.groups.repeat_interleave(4),
            names=names,
            num_rotations=4,
        )

    def turned(self, rotations: Turning) -> "Classes":
        """Give the pool with its rotations, to be used as ``rotations`` says."""
        require(
            rotations in get_args(Turning),
            f"Parameter `rotations` should be 'classes', 'task' or 'none'. Found {rotations!r}.",
        )
        return self if rotations == "none" else replace(self.with_rotations(), rotations=rotations)

    @recorded
    def episodes(
        self,
        way: Range,
        shot: Range,
        query: int = 15,
        rotations: Rotations | None = None,
        within_group: bool = False,
    ) -> "Episodes":
        """N-way K-shot tasks from this pool. See :class:`Episodes`."""
        return Episodes(self, way, shot, query, rotations, within_group)

    @recorded
    def supervised(self, batch_size: int) -> "Supervised":
        """The pool as one ordinary classification task over all its classes.

        See :class:`Supervised`.
        """
        return Supervised(self, batch_size)

    def gather(self, rows: Tensor) -> Tensor:
        """The examples at ``rows`` ``[...]`` as floating point ``[..., *feature]``."""
        flat = self.x.index_select(0, rows.flatten())
        if flat.dtype == torch.uint8:
            flat = flat.to(torch.get_default_dtype()).mul_(1 / 255)
            flat = flat.unsqueeze(1) if flat.ndim == 3 else flat  # one colour channel
        return flat.reshape(*rows.shape, *flat.shape[1:])


def _bounds(value: Range, name: str, least: int) -> tuple[int, int]:
    low, high = value if isinstance(value, tuple | list) else (value, value)
    require(
        isinstance(low, Integral) and isinstance(high, Integral),
        f"Parameter `{name}` should be whole. Found {name}={value}.",
    )
    require(
        least <= low <= high,
        f"Parameter `{name}` should be at least {least} (a pair: low, high). Found {name}={value}.",
    )
    return int(low), int(high)


@dataclass(frozen=True, eq=False)
class Episodes(TaskSource):
    """N-way K-shot tasks: ``way`` classes, ``shot`` support and ``query`` query examples of each.

    Classes are drawn without replacement, then examples without replacement, so support and query
    are disjoint; the order of the classes, and so their label, is random. Examples are laid out
    shot by shot (every class once, then every class again), so any leading part of the support
    set is balanced. If ``way`` or ``shot`` is a range, every task draws its own and smaller
    tasks are padded.

    Args:
        pool: The classes.
        way: Classes a task, or ``(low, high)``.
        shot: Support examples a class, or ``(low, high)``.
        query: Query examples a class.
        rotations: If the pool has rotations: ``"classes"`` makes each a class of its own (they can
            meet in one task), ``"task"`` draws one rotation for each class of each task. By default
            the pool's own choice.
        within_group: Draw all the classes of a task from one group (one alphabet). ``task`` is then
            the group's index, and otherwise the position in the batch.

    Raises:
        UserError: If way exceeds the classes (of a group), or shot + query the examples of a class.
    """

    pool: Classes
    way: Range
    shot: Range
    query: int = 15
    rotations: Rotations | None = None
    within_group: bool = False
    target: targets.Classes = field(init=False)
    _members: Tensor = field(init=False, repr=False)  # class indices sorted by group [candidate]
    _first: Tensor = field(init=False, repr=False)  # where a group begins in _members [group]
    _count: Tensor = field(init=False, repr=False)  # how many candidates a group has [group]
    _group: Tensor = field(init=False, repr=False)  # the group's identity [group]

    def __post_init__(self) -> None:
        pool = self.pool
        _, way = _bounds(self.way, "way", 1)
        _, shot = _bounds(self.shot, "shot", 1)
        require(
            isinstance(self.query, Integral) and self.query >= 1,
            f"Parameter `query` should be at least 1. Found query={self.query}.",
        )
        if self.rotations is None:
            object.__setattr__(self, "rotations", pool.rotations)
        require(
            self.rotations in ("classes", "task"),
            f"Parameter `rotations` should be 'classes' or 'task'. Found {self.rotations!r}.",
        )
        step = pool.num_rotations if self.rotations == "task" else 1
        candidates = torch.arange(0, pool.num_classes, step)
        groups = pool.groups[candidates] if self.within_group else torch.zeros_like(candidates)
        order = groups.argsort(stable=True)
        group, count = groups.unique(return_counts=True)
        self._check_sizes(way, shot, int(count.max()))
        keep = count >= way  # groups too small for the way are left out
        first = (count.cumsum(0) - count)[keep]
        for name, value in (
            ("target", targets.Classes(way)),
            ("_members", candidates[order]),
            ("_first", first),
            ("_count", count[keep]),
            ("_group", group[keep]),
        ):
            object.__setattr__(self, name, value)

    def _check_sizes(self, way: int, shot: int, most: int) -> None:
        """Raise unless ``most`` classes, those of the largest group, and their examples suffice."""
        pool = self.pool
        held = (
            f"at most {most} classes in a group of" if self.within_group else f"{most} classes in"
        )
        owner = " of a group" if self.within_group else ""
        require(
            way <= most,
            f"Parameter `way` should be at most the number of classes{owner}. "
            f"Found way={way}, {held} {pool.label!r}.",
        )
        smallest = int(pool.size.argmin())
        size = int(pool.size[smallest])
        require(
            shot + self.query <= size,
            f"`shot` + `query` should be at most the examples of a class. Found shot={shot}, "
            f"query={self.query}, {size} examples of class {pool.names[smallest]!r} in "
            f"{pool.label!r}.",
        )

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` tasks."""
        generator = moment.generator()
        _, shot = _bounds(self.shot, "shot", 1)
        which = torch.randint(len(self._group), (num_tasks,), generator=generator)
        classes = self._drawn(which, generator)
        examples = distinct(self.pool.size[classes], shot + self.query, generator)
        # [task, example of a class, class]
        rows = (self.pool.start[classes].unsqueeze(-1) + examples).transpose(1, 2)
        shown = self._shown(rows, generator)
        return Episode(
            self._batch(rows[:, :shot], shown[:, :shot]),
            self._batch(rows[:, shot:], shown[:, shot:]),
            self._group[which] if self.within_group else torch.arange(num_tasks),
            moment,
        )

    def _drawn(self, which: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the classes ``[task, way]`` of tasks in the groups ``which`` ``[task]``."""
        _, way = _bounds(self.way, "way", 1)
        members = self._first[which, None] + distinct(self._count[which], way, generator)
        classes = self._members[members]
        turns = self.pool.num_rotations
        if self.rotations == "task" and turns > 1:
            classes = classes + torch.randint(turns, classes.shape, generator=generator)
        return classes

    def _shown(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Draw each task's way and shot, and say which of its ``rows`` are real."""
        low_way, way = _bounds(self.way, "way", 1)
        low_shot, shot = _bounds(self.shot, "shot", 1)
        ways = torch.randint(low_way, way + 1, (len(rows), 1, 1), generator=generator)
        shots = torch.randint(low_shot, shot + 1, (len(rows), 1, 1), generator=generator)
        present = torch.arange(way).expand_as(rows) < ways
        place = torch.arange(shot + self.query)[:, None]
        return present & ((place < shots) | (place >= shot))

    def _batch(self, rows: Tensor, shown: Tensor) -> Batch:
        mask = shown.flatten(1)
        y = torch.arange(rows.shape[2]).expand_as(rows).flatten(1)
        x = self.pool.gather(rows.flatten(1))
        if not bool(mask.all()):
            y = y * mask
            x = x * mask.reshape(*mask.shape, *[1] * (x.ndim - 2))
        return Batch(x, y.contiguous(), mask.to(torch.get_default_dtype()), self.target)

    def describe(self) -> dict[str, object]:
        """Pool, way, shot, query, rotations and grouping."""
        return {
            "source": self.pool.label,
            "num_classes": self.pool.num_classes,
            "way": self.way,
            "shot": self.shot,
            "query": self.query,
            "rotations": self.rotations if self.pool.num_rotations > 1 else "none",
            "within_group": self.within_group,
        }


@dataclass(frozen=True, eq=False)
class Supervised(TaskSource):
    """All classes of a pool as one ordinary classification task, for pre-training.

    Every task of an episode is a fresh batch of ``batch_size`` query examples whose label is the
    class's index in the pool; the support set is empty.
    """

    pool: Classes
    batch_size: int
    target: targets.Classes = field(init=False)

    def __post_init__(self) -> None:
        _bounds(self.batch_size, "batch_size", 1)
        object.__setattr__(self, "target", targets.Classes(self.pool.num_classes))

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` batches."""
        generator = moment.generator()
        shape = (num_tasks, self.batch_size)
        classes = torch.randint(self.pool.num_classes, shape, generator=generator)
        rows = (
            self.pool.start[classes]
            + (torch.rand(shape, generator=generator) * self.pool.size[classes]).long()
        )
        query = Batch(self.pool.gather(rows), classes, torch.ones(shape), self.target)
        support = query.each(lambda values: values[:, :0])
        return Episode(support, query, torch.zeros(num_tasks, dtype=torch.long), moment)

    def describe(self) -> dict[str, object]:
        """Pool and batch size."""
        return {
            "source": self.pool.label,
            "num_classes": self.pool.num_classes,
            "batch_size": self.batch_size,
        }
