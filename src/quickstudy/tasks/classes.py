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
from quickstudy.tasks.candidates import Candidates
from quickstudy.tasks.image_tensors import quarter_turns, turned_names, unit_images
from quickstudy.tasks.sizes import Range, drawn_sizes, range_of
from quickstudy.tasks.source import TaskSource

Rotations = Literal["classes", "task"]
Turning = Literal["classes", "task", "none"]
"""The use of rotated examples in training: as classes, one drawn for each task, or none."""


@dataclass(frozen=True, eq=False)
class Classes:
    """Examples grouped by class, from which N-way K-shot tasks are drawn.

    Class ``c`` owns the rows ``start[c] … start[c] + size[c] - 1`` of ``x``.

    Attributes:
        x: All examples ``[row, *feature]``. ``uint8`` images are turned into floating point in
            ``[0, 1]`` when drawn; any other dtype stays unchanged.
        start: First row of every class ``[class]``.
        size: Number of rows of every class ``[class]``.
        names: A name for every class.
        groups: The group of every class (its alphabet, its script), as an index into
            ``group_names``.
        group_names: A name for every group.
        label: A name for this pool, e.g. ``"omniglot/test"``.
        num_rotations: 1, or 4 if classes ``4b … 4b + 3`` are base class ``b`` turned by 0°, 90°,
            180°, 270°.
        rotations: How tasks use the rotations by default, see :class:`Episodes`.
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
        """The number of classes, rotated ones included."""
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
        """Make four classes of every class: turned by 0°, 90°, 180° and 270°.

        Raises:
            UserError: If the pool has its rotations already, or examples are not square images.
        """
        require(self.num_rotations == 1, "This pool has its rotations already.")
        offsets = torch.arange(4) * len(self.x)
        return replace(
            self,
            x=quarter_turns(self.x),
            start=(self.start[:, None] + offsets).flatten(),
            size=self.size.repeat_interleave(4),
            groups=self.groups.repeat_interleave(4),
            names=tuple(turned for name in self.names for turned in turned_names(name)),
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
        """Make N-way K-shot tasks from this pool, as ``Episodes`` draws them."""
        return Episodes(self, way, shot, query, rotations, within_group)

    @recorded
    def supervised(self, batch_size: int) -> "Supervised":
        """Make one ordinary classification task of all classes.

        See :class:`Supervised`.
        """
        return Supervised(self, batch_size)

    def gather(self, rows: Tensor) -> Tensor:
        """Give the examples at ``rows`` ``[...]`` as floating point ``[..., *feature]``."""
        flat = unit_images(self.x.index_select(0, rows.flatten()))
        return flat.reshape(*rows.shape, *flat.shape[1:])

    def smallest(self) -> tuple[str, int]:
        """Give the name and the number of examples of the smallest class."""
        place = int(self.size.argmin())
        return self.names[place], int(self.size[place])


@dataclass(frozen=True, eq=False)
class Episodes(TaskSource):
    """Draws N-way K-shot tasks from a pool of classes.

    A task has ``way`` classes, with ``shot`` support and ``query`` query examples of each.

    Classes are drawn without replacement, then examples without replacement, so support and query
    are disjoint; the order of the classes, and so their label, is random. Examples are laid out
    shot by shot (every class once, then every class again), so any leading part of the support
    set is balanced. If ``way`` or ``shot`` is a range, every task draws a size and smaller
    tasks are padded.

    Args:
        pool: The classes.
        way: Classes of a task, or ``(low, high)``.
        shot: Support examples of a class, or ``(low, high)``.
        query: Query examples of a class.
        rotations: If the pool has rotations: ``"classes"`` makes each a separate class (they can
            meet in one task), ``"task"`` draws one rotation for each class of each task. By default
            the pool's choice.
        within_group: Draw all the classes of a task from one group (one alphabet). ``task`` is then
            the group's index; otherwise it is the position in the batch.

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
    _candidates: Candidates = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.rotations is None:
            object.__setattr__(self, "rotations", self.pool.rotations)
        self._check_options()
        candidates = Candidates.of(self._groups, self._turns if self._turns_tasks else 1)
        self._check_way(int(candidates.count.max()))
        self._check_shot()
        object.__setattr__(self, "target", targets.Classes(self._most_way))
        object.__setattr__(self, "_candidates", candidates.of_at_least(self._most_way))

    @property
    def _most_way(self) -> int:
        return range_of(self.way, "way")[1]

    @property
    def _most_shot(self) -> int:
        return range_of(self.shot, "shot")[1]

    @property
    def _turns(self) -> int:
        """The number of classes that are rotations of one class."""
        return self.pool.num_rotations

    @property
    def _turns_tasks(self) -> bool:
        """Whether one rotation is drawn for each class of each task."""
        return self.rotations == "task"

    @property
    def _groups(self) -> Tensor:
        """The group of every class ``[class]`` from which the classes of a task come."""
        groups = self.pool.groups
        return groups if self.within_group else torch.zeros_like(groups)

    def _check_options(self) -> None:
        range_of(self.way, "way")
        range_of(self.shot, "shot")
        self._check_query()
        require(
            self.rotations in ("classes", "task"),
            f"Parameter `rotations` should be 'classes' or 'task'. Found {self.rotations!r}.",
        )

    def _check_query(self) -> None:
        require(
            isinstance(self.query, Integral) and self.query >= 1,
            f"Parameter `query` should be at least 1. Found query={self.query}.",
        )

    def _check_way(self, most: int) -> None:
        """Raise if the way exceeds ``most``, the number of classes of the largest group."""
        owner, held = "", f"{most} classes in"
        if self.within_group:
            owner, held = " of a group", f"at most {most} classes in a group of"
        require(
            self._most_way <= most,
            f"Parameter `way` should be at most the number of classes{owner}. Found "
            f"way={self._most_way}, {held} {self.pool.label!r}.",
        )

    def _check_shot(self) -> None:
        """Raise if a class has too few examples."""
        name, size = self.pool.smallest()
        require(
            self._most_shot + self.query <= size,
            "`shot` + `query` should be at most the examples of a class. Found "
            f"shot={self._most_shot}, query={self.query}, {size} examples of class {name!r} in "
            f"{self.pool.label!r}.",
        )

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` tasks."""
        generator, shot = moment.generator(), self._most_shot
        groups = self._candidates.group
        which = torch.randint(len(groups), (num_tasks,), generator=generator)
        rows = self._rows(self._drawn(which, generator), generator)
        shown = self._shown(rows, generator)
        return Episode(
            self._batch(rows[:, :shot], shown[:, :shot]),
            self._batch(rows[:, shot:], shown[:, shot:]),
            groups[which] if self.within_group else torch.arange(num_tasks),
            moment,
        )

    def _drawn(self, which: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the classes ``[task, way]`` of tasks in the groups ``which`` ``[task]``."""
        classes = self._candidates.draw(which, self._most_way, generator)
        if self._turns_tasks and self._turns > 1:
            classes = classes + torch.randint(self._turns, classes.shape, generator=generator)
        return classes

    def _rows(self, classes: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the rows ``[task, example of a class, class]`` of ``classes`` ``[task, way]``."""
        count = self._most_shot + self.query
        examples = distinct(self.pool.size[classes], count, generator)
        return (self.pool.start[classes].unsqueeze(-1) + examples).transpose(1, 2)

    def _shown(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Draw each task's way and shot, and say which of its ``rows`` are real."""
        ways = drawn_sizes(range_of(self.way, "way"), len(rows), generator)
        shots = drawn_sizes(range_of(self.shot, "shot"), len(rows), generator)
        present = torch.arange(self._most_way).expand_as(rows) < ways
        place = torch.arange(self._most_shot + self.query)[:, None]
        return present & ((place < shots) | (place >= self._most_shot))

    def _batch(self, rows: Tensor, shown: Tensor) -> Batch:
        """Make the batch of ``rows``; rows that are not ``shown`` are padding."""
        mask = shown.flatten(1)
        y = torch.arange(rows.shape[2]).expand_as(rows).flatten(1)
        x = self.pool.gather(rows.flatten(1))
        if not bool(mask.all()):
            y = y * mask
            x = x * mask.reshape(*mask.shape, *[1] * (x.ndim - 2))
        return Batch(x, y.contiguous(), mask.to(torch.get_default_dtype()), self.target)

    def describe(self) -> dict[str, object]:
        """Give pool, way, shot, query, rotations and grouping."""
        return {
            "source": self.pool.label,
            "num_classes": self.pool.num_classes,
            "way": self.way,
            "shot": self.shot,
            "query": self.query,
            "rotations": self.rotations if self._turns > 1 else "none",
            "within_group": self.within_group,
        }


@dataclass(frozen=True, eq=False)
class Supervised(TaskSource):
    """Draws batches of one ordinary classification task of all classes, for pre-training.

    Every task of an episode is a fresh batch of ``batch_size`` query examples whose label is the
    class's index in the pool; the support set is empty.
    """

    pool: Classes
    batch_size: int
    target: targets.Classes = field(init=False)

    def __post_init__(self) -> None:
        range_of(self.batch_size, "batch_size", 1)
        object.__setattr__(self, "target", targets.Classes(self.pool.num_classes))

    def sample(self, num_tasks: int, moment: Moment) -> Episode:
        """Draw ``num_tasks`` batches."""
        query = self._drawn((num_tasks, self.batch_size), moment.generator())
        support = query.each(lambda values: values[:, :0])
        return Episode(support, query, torch.zeros(num_tasks, dtype=torch.long), moment)

    def _drawn(self, shape: tuple[int, int], generator: torch.Generator) -> Batch:
        """Draw examples ``[task, example]``, each of a class drawn before it."""
        pool = self.pool
        classes = torch.randint(pool.num_classes, shape, generator=generator)
        places = (torch.rand(shape, generator=generator) * pool.size[classes]).long()
        x = pool.gather(pool.start[classes] + places)
        return Batch(x, classes, torch.ones(shape), self.target)

    def describe(self) -> dict[str, object]:
        """Give pool and batch size."""
        return {
            "source": self.pool.label,
            "num_classes": self.pool.num_classes,
            "batch_size": self.batch_size,
        }
