"""relate: how related the tasks of a set are, and which belong together."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners import Learner
from quickstudy.relatedness.affinity import affinity_products
from quickstudy.relatedness.fisher import fisher_cosine
from quickstudy.relatedness.gradients import gradient_cosine
from quickstudy.relatedness.groups import Tree, cut, num_groups, tree_of
from quickstudy.relatedness.halves import halves, rows_of
from quickstudy.relatedness.posterior import posterior_cosine
from quickstudy.relatedness.shrink import cosines, shrink
from quickstudy.tasks import TableTasks

Measure = Callable[[Learner | nn.Module, Batch, Tensor], Tensor]
"""``measure(learner, batch, halves)``: inner products of tasks ``[split, half of s, half of t,
task, task]``.

``halves`` ``[split, 2, task, example]`` are the rows that each may use.
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
    """How related tasks are.

    Attributes:
        measure: What was measured.
        names: The tasks.
        similarity: ``[task, task]``, shrunk: symmetric, 1 on the diagonal.
        seen: ``[task, task]``, as measured, before shrinking.
        reliability: The part of the differences between similarities that is signal, 0 to 1.
        groups: The group of every task ``[task]``, numbered from 0 in the order of the tree; all 0
            where none can be told apart.
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
        """How many groups the rows can tell apart."""
        return int(self.groups.max()) + 1

    def members(self, group: int) -> tuple[str, ...]:
        """The names of the tasks of a group."""
        return tuple(
            name for name, own in zip(self.names, self.groups.tolist(), strict=True) if own == group
        )


def relate(
    learner: Learner | nn.Module,
    tasks: TableTasks | Episode | Batch,
    measure: str | Measure = "gradient",
    splits: int = 10,
    most_groups: int = 12,
    seed: int = 0,
) -> Relatedness:
    """Measure how related tasks are, shrink it by its own noise, and find groups.

    Every task's rows are divided into halves at random, ``splits`` times. What the halves agree on
    is signal, what they do not is noise: the similarities are shrunk towards their common mean
    accordingly (:func:`~quickstudy.relatedness.shrink.shrink`), and there are as many groups as
    found in one half explain the other (:func:`~quickstudy.relatedness.groups.num_groups`). Tasks
    too small to tell are all related alike, and one group. Memory grows with ``splits · tasks²``.

    Args:
        learner: The probe: a learner with a network that gives scores, trained on all tasks (or
            such a network); it stays as it is. For ``"posterior"`` a
            :class:`~quickstudy.LinearPrior`.
        tasks: The tasks with all their rows; of an episode both parts.
        measure: ``"gradient"`` (the cosine of gradients), ``"fisher"`` (Task2Vec), ``"affinity"``
            (TAG), ``"posterior"`` (the weights of linear tasks), or a function of the learner, the
            rows and their halves.
        splits: Random divisions into halves.
        most_groups: The most groups to try.
        seed: Of the divisions.

    Raises:
        UserError: If an argument is out of range, there are fewer than 2 tasks, or the probe cannot
            serve the measure.

    Example:
        >>> import torch, quickstudy as qs
        >>> draw = qs.generator(0, "example")
        >>> # tasks 0, 2, 4, 6 and tasks 1, 3, 5, 7
        >>> slope = torch.tensor([1.0, -1.0]).repeat(4).reshape(8, 1, 1)
        >>> x = torch.randn(8, 40, 1, generator=draw)
        >>> tasks = qs.Batch(x, slope * x + 0.5 * torch.randn(8, 40, 1, generator=draw), torch.ones(8, 40))
        >>> line = torch.nn.Linear(1, 1, bias=False)
        >>> _ = torch.nn.init.zeros_(line.weight)
        >>> qs.relatedness.relate(line, tasks).members(0)
        ('1', '3', '5', '7')
    """
    require(splits >= 1, f"Parameter `splits` should be at least 1. Found splits={splits}.")
    require(
        most_groups >= 1,
        f"Parameter `most_groups` should be at least 1. Found most_groups={most_groups}.",
    )
    if isinstance(measure, str):
        require(
            measure in MEASURES,
            f"Parameter `measure` should be one of {', '.join(MEASURES)}. Found {measure!r}.",
        )
    batch, identity, names = rows_of(tasks)
    named = measure if isinstance(measure, str) else getattr(measure, "__name__", "own")
    products = (MEASURES[measure] if isinstance(measure, str) else measure)(
        learner, batch, halves(batch.mask, identity, splits, seed)
    )
    seen = cosines(products.detach().double().cpu())
    shrunk = shrink(seen)
    tree = tree_of(shrunk.similarity, ordered=True)
    groups = cut(tree, num_groups(seen, shrunk, most_groups))
    dtype = torch.get_default_dtype()
    plain = seen.mean((0, 1, 2)).fill_diagonal_(1.0)
    return Relatedness(
        named, names, shrunk.similarity.to(dtype), plain.to(dtype), shrunk.reliability, groups, tree
    )


__all__ = ["MEASURES", "Measure", "Relatedness", "relate"]
