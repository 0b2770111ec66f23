"""The abstract parent of learners that embed examples once and compare them."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Batch, Episode
from quickstudy.learners.learner import Adapted, Learner, ModelOutput
from quickstudy.targets import Target, mean_over_examples


class EmbeddingLearner(Learner):
    """Embed the examples of all tasks in one forward pass, then compare queries with classes.

    Batch norms are torch's: batch statistics in training, running averages at test. So no
    prediction depends on other queries. A task at test may have any way and shot. A class without
    support examples has the score −∞.

    Args:
        model: Any module that gives embeddings ``[example, *feature]``, e.g. ``Conv4(way=None)``.
        bf16: Embed under bfloat16 autocast (on hardware that has it).
        normalised: Length of the embeddings, if they are normalised (over a batch in training, by
            running averages at test).
    """

    model_gives: ClassVar[ModelOutput] = "embeddings"

    def __init__(self, model: nn.Module, bf16: bool = False, normalised: int | None = None) -> None:
        super().__init__()
        self.model, self.bf16 = model, bf16
        self.norm = None if normalised is None else nn.BatchNorm1d(normalised, affine=False)

    @abstractmethod
    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """Return the tensors that queries are compared with.

        Args:
            embedded: The embedded support set ``[task, example, *feature]``.
            support: The support set.
            way: Number of classes; 0 in regression.
        """

    @abstractmethod
    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """Score embedded queries ``[task, example, *feature]``: ``[task, example, class]``."""

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """Return the cross-entropy of every embedded query's scores ``[task, example]``."""
        return query.target.example_losses(self.compare(embedded, adapted), query.y)

    def serves(self, target: Target) -> str | None:
        """Serve classes only: a query is compared with classes."""
        return None if target.way else "It classifies: every example should have one class."

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Return the weight of every query in the loss ``[task, example]``.

        It is the mask, and 0 for a query whose class the support set does not show: nothing in the
        task tells of that class.
        """
        shown = members(support, _way(support, query), query.mask.dtype).amax(1)
        return query.mask * shown.gather(1, query.y.long())

    def features(self, x: Tensor) -> Tensor:
        """Embed real examples ``[example, *feature]`` of all tasks, and normalise them if asked."""
        embedded: Tensor = self.model(x)
        return embedded if self.norm is None else self.norm(embedded.flatten(1))

    @property
    def test_steps(self) -> int:
        """Return 0: there is no inner loop."""
        return 0

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """Return the query loss of every task ``[task]``."""
        support, query = episodes.support, episodes.query
        self.check(support.target)
        of_support, of_query = self._embed_both(support, query)
        adapted = self.summarise(of_support, support, _way(support, query))
        counts = self.counts(support, query)
        per_example = self.query_losses(of_query, query, adapted)
        return mean_over_examples(per_example.masked_fill(counts == 0, 0), counts)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """Yield the same summary of the support set for every number of steps."""
        self.check(support.target)
        embedded = self.embed(support.x, support.mask)
        adapted = self.summarise(embedded, support, support.target.way or 0)
        for _ in steps:
            yield adapted

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """Score new examples ``[task, example, class]``."""
        return self.compare(self.embed(x, None), adapted)

    def _embed_both(self, support: Batch, query: Batch) -> tuple[Tensor, Tensor]:
        """Embed support and query examples in one forward pass."""
        x = torch.cat([support.x, query.x], 1)
        embedded = self.embed(x, torch.cat([support.mask, query.mask], 1))
        of_support, of_query = embedded.split([support.x.shape[1], query.x.shape[1]], 1)
        return of_support, of_query

    def embed(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Embed all tasks in one forward pass ``[task, example, *feature]``, without padding."""
        return self._embed_real(x.flatten(0, 1), mask).unflatten(0, x.shape[:2])

    def _embed_real(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Embed the examples of ``x`` ``[example, *feature]`` that are no padding."""
        if mask is None or bool(mask.all()):
            return self._embed_flat(x)
        return self._embed_at(mask.flatten().nonzero().squeeze(1), x)

    def _embed_at(self, places: Tensor, x: Tensor) -> Tensor:
        """Embed the examples of ``x`` at some ``places``; the others become zeros."""
        return _padded(self._embed_flat(x[places]), places, len(x))

    def _embed_flat(self, x: Tensor) -> Tensor:
        """Embed ``x`` ``[example, *feature]`` in the learner's precision."""
        kind = x.device.type
        # an autocast that changes nothing would stand in an exported program
        changes = self.bf16 or torch.is_autocast_enabled(kind)
        with torch.autocast(kind, torch.bfloat16, enabled=self.bf16) if changes else nullcontext():
            embedded = self.features(x)
        return embedded.float() if self.bf16 else embedded


def _padded(embedded: Tensor, places: Tensor, count: int) -> Tensor:
    """Put embeddings at their ``places`` among ``count`` examples, with zeros at the others."""
    zeros = embedded.new_zeros(count, *embedded.shape[1:])
    return zeros.index_copy(0, places, embedded)


def members(support: Batch, way: int, dtype: torch.dtype) -> Tensor:
    """Return 1 if a real support example is of the class, else 0: ``[task, example, class]``."""
    return F.one_hot(support.y.long(), way).to(dtype) * support.mask.to(dtype).unsqueeze(-1)


def of_present(scores: Tensor, adapted: Adapted) -> Tensor:
    """Take out classes that the support set does not show, by a score of minus infinity."""
    return scores.masked_fill(~adapted["present"].unsqueeze(1), -torch.inf)


def _way(support: Batch, query: Batch) -> int:
    """Return the number of classes of tasks, 0 in regression."""
    return max(support.target.way or 0, query.target.way or 0)


__all__ = ["EmbeddingLearner", "members", "of_present"]
