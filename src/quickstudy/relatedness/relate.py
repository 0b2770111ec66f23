"""How related the tasks of a set are, and which of them belong together."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

import torch
from torch import Tensor

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.relatedness.affinity import affinity_products
from quickstudy.relatedness.fisher import fisher_cosine
from quickstudy.relatedness.gradients import gradient_cosine
from quickstudy.relatedness.groups import Tree, cut, num_groups, tree_of
from quickstudy.relatedness.halves import halves, rows_of
from quickstudy.relatedness.posterior import posterior_cosine
from quickstudy.relatedness.probe import ProbeModel
from quickstudy.relatedness.shrink import cosines, shrink
from quickstudy.tasks import TableTasks

Measure = Callable[[ProbeModel, Batch, Tensor], Tensor]
"""``measure(learner, batch, halves)`` gives inner products of tasks.

``halves`` ``[split, 2, task, example]`` are the rows that each may use. The result is
``[split, half of s, half of t, task, task]``.
"""

MEASURES: dict[str, Measure] = {
    "gradient": gradient_cosine,
    "fisher": fisher_cosine,
    "affinity": affinity_products,
    "posterior": posterior_cosine,
}
"""The measures by name."""


@dataclass(frozen=True, eq=False)
class Relatedness:
    """Hold the similarities of tasks, and the groups that they form.

    Attributes:
        measure: The name of the measure.
        names: The names of the tasks.
        similarity: ``[task, task]``, shrunk: symmetric, 1 on the diagonal.
        seen: ``[task, task]``, as measured, before shrinking.
        reliability: The part of the differences between similarities that is signal, 0 to 1.
        groups: The group of every task ``[task]``, numbered from 0 in the order of the tree; all 0
            if no groups can be told apart.
        tree: scipy's linkage matrix of the tasks.
    """

    measure: str
    names: tuple[str, ...]
    similarity: Tensor
    seen: Tensor
    reliability: float
    groups: Tensor
    tree: Tree

    @property
    def num_groups(self) -> int:
        """The number of groups that the rows can tell apart."""
        return int(self.groups.max()) + 1

    def members(self, group: int) -> tuple[str, ...]:
        """Give the names of the tasks of a group."""
        return tuple(compress(self.names, self.groups == group))


def relate(
    learner: ProbeModel,
    tasks: TableTasks | Episode | Batch,
    measure: str | Measure = "gradient",
    splits: int = 10,
    most_groups: int = 12,
    seed: int = 0,
) -> Relatedness:
    """Measure how related tasks are, shrink the measure by its noise, and find groups.

    Every task's rows are divided into halves at random, ``splits`` times. Agreement of the halves
    is signal, and disagreement is noise. The similarities are shrunk towards their common mean by
    that noise (:func:`~quickstudy.relatedness.shrink.shrink`). There are as many groups as can be
    found in one half and explain the other (:func:`~quickstudy.relatedness.groups.num_groups`).
    Tasks with too few rows are all related alike and form one group. Memory grows with
    ``splits · tasks²``.

    Args:
        learner: The probe: a learner with a network that gives scores, trained on all tasks, or
            such a network. It is not changed. For ``"posterior"`` a
            :class:`~quickstudy.LinearPrior`.
        tasks: The tasks with all their rows; of an episode both parts.
        measure: ``"gradient"`` (the cosine of gradients), ``"fisher"`` (Task2Vec), ``"affinity"``
            (TAG), ``"posterior"`` (the weights of linear tasks), or a function of the learner, the
            rows and their halves.
        splits: Random divisions into halves.
        most_groups: The most groups to try.
        seed: The seed of the divisions.

    Raises:
        UserError: If an argument is out of range, there are fewer than 2 tasks, or the probe cannot
            serve the measure.

    Example:
        >>> import torch, quickstudy as qs
        >>> draw = qs.generator(0, "example")
        >>> # tasks 0, 2, 4, 6 and tasks 1, 3, 5, 7
        >>> slope = torch.tensor([1.0, -1.0]).repeat(4).reshape(8, 1, 1)
        >>> x = torch.randn(8, 40, 1, generator=draw)
        >>> y = slope * x + 0.5 * torch.randn(8, 40, 1, generator=draw)
        >>> line = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(line.weight)
        >>> qs.relatedness.relate(line, qs.Batch(x, y, torch.ones(8, 40))).members(0)
        ('1', '3', '5', '7')
    """
    _check_counts(splits, most_groups)
    name, function = _measure(measure)
    batch, identity, names = rows_of(tasks)
    products = function(learner, batch, halves(batch.mask, identity, splits, seed))
    seen = cosines(products.detach().double().cpu())
    return _found(name, names, seen, most_groups)


def _found(name: str, names: tuple[str, ...], seen: Tensor, most_groups: int) -> Relatedness:
    """Shrink the cosines of halves and find groups."""
    shrunk = shrink(seen)
    tree = tree_of(shrunk.similarity, ordered=True)
    groups = cut(tree, num_groups(seen, shrunk, most_groups))
    similarity, plain = _plain(shrunk.similarity), _plain(seen.mean((0, 1, 2)).fill_diagonal_(1.0))
    return Relatedness(name, names, similarity, plain, shrunk.reliability, groups, tree)


def _check_counts(splits: int, most_groups: int) -> None:
    require(splits >= 1, f"Parameter `splits` should be at least 1. Found splits={splits}.")
    require(
        most_groups >= 1,
        f"Parameter `most_groups` should be at least 1. Found most_groups={most_groups}.",
    )


def _measure(measure: str | Measure) -> tuple[str, Measure]:
    """Give the name and the function of a measure."""
    if isinstance(measure, str):
        return measure, _measure_named(measure)
    return getattr(measure, "__name__", "own"), measure


def _measure_named(name: str) -> Measure:
    require(
        name in MEASURES,
        f"Parameter `measure` should be one of {', '.join(MEASURES)}. Found {name!r}.",
    )
    return MEASURES[name]


def _plain(matrix: Tensor) -> Tensor:
    return matrix.to(torch.get_default_dtype())


__all__ = ["MEASURES", "Measure", "Relatedness", "relate"]
