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
    """Embeds the support and query examples of all tasks of a step in one forward pass, then
    compares.

    Batch norms are torch's own: batch statistics in training, running averages at test, so that no
    prediction depends on other queries. Any way and shot at test; a class without support examples
    has score −∞.

    Args:
        model: Any module that gives embeddings ``[example, *feature]``, e.g. ``Conv4(way=None)``.
        bf16: Embed under bfloat16 autocast (on hardware that has it).
        normalised: Length of the embeddings, where they are normalised: over a batch in training,
            by running averages at test.
    """

    model_gives: ClassVar[ModelOutput] = "embeddings"

    def __init__(self, model: nn.Module, bf16: bool = False, normalised: int | None = None) -> None:
        super().__init__()
        self.model, self.bf16 = model, bf16
        self.norm = None if normalised is None else nn.BatchNorm1d(normalised, affine=False)

    @abstractmethod
    def summarise(self, embedded: Tensor, support: Batch, way: int) -> Adapted:
        """What queries are compared with, from the embedded support set ``[task, example, *feature]``; ``way`` is 0 in regression."""

    @abstractmethod
    def compare(self, embedded: Tensor, adapted: Adapted) -> Tensor:
        """The scores ``[task, example, class]`` of embedded queries ``[task, example, *feature]``."""

    def query_losses(self, embedded: Tensor, query: Batch, adapted: Adapted) -> Tensor:
        """The loss of every embedded query ``[task, example]``: the cross-entropy of its scores."""
        return query.target.example_losses(self.compare(embedded, adapted), query.y)

    def serves(self, target: Target) -> str | None:
        """Classes only: what is compared with a query are classes."""
        return None if target.way else "It classifies: every example should have one class."

    def counts(self, support: Batch, query: Batch) -> Tensor:
        """Say which queries count in the loss ``[task, example]``: the mask, 0 for unseen classes.

        Nothing in a task tells of a class that its support set does not show.
        """
        way = max(support.target.way or 0, query.target.way or 0)
        shown = members(support, way, query.mask.dtype).amax(1)
        return query.mask * shown.gather(1, query.y.long())

    def features(self, x: Tensor) -> Tensor:
        """The embeddings of real examples ``[example, *feature]`` of all tasks: what the model gives, normalised where asked."""
        embedded: Tensor = self.model(x)
        return embedded if self.norm is None else self.norm(embedded.flatten(1))

    @property
    def test_steps(self) -> int:
        """0: there is no inner loop."""
        return 0

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task ``[task]``."""
        support, query = episodes.support, episodes.query
        self.check(support.target)
        x = torch.cat([support.x, query.x], 1)
        embedded = self.embed(x, torch.cat([support.mask, query.mask], 1))
        of_support, of_query = embedded.split([support.x.shape[1], query.x.shape[1]], 1)
        way = max(support.target.way or 0, query.target.way or 0)
        adapted = self.summarise(of_support, support, way)
        counts = self.counts(support, query)
        per_example = self.query_losses(of_query, query, adapted).masked_fill(counts == 0, 0)
        return mean_over_examples(per_example, counts)

    def trajectory(self, support: Batch, steps: Sequence[int]) -> Iterator[Adapted]:
        """The same summary of the support set for every number of steps."""
        self.check(support.target)
        embedded = self.embed(support.x, support.mask)
        adapted = self.summarise(embedded, support, support.target.way or 0)
        for _ in steps:
            yield adapted

    def scores(self, adapted: Adapted, x: Tensor) -> Tensor:
        """The scores of new examples ``[task, example, class]``."""
        return self.compare(self.embed(x, None), adapted)

    def embed(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Embeddings ``[task, example, *feature]`` of all tasks in one forward pass; padding is left out of it."""
        real = None if mask is None or bool(mask.all()) else mask.flatten().nonzero().squeeze(1)
        flat = x.flatten(0, 1)
        kind = x.device.type
        # one that changes nothing would stand in an exported program
        changes = self.bf16 or torch.is_autocast_enabled(kind)
        with torch.autocast(kind, torch.bfloat16, enabled=self.bf16) if changes else nullcontext():
            embedded = self.features(flat if real is None else flat[real])
        embedded = embedded.float() if self.bf16 else embedded
        if real is not None:
            embedded = embedded.new_zeros(len(flat), *embedded.shape[1:]).index_copy(
                0, real, embedded
            )
        return embedded.unflatten(0, x.shape[:2])


def members(support: Batch, way: int, dtype: torch.dtype) -> Tensor:
    """``[task, example, class]``: 1 where a real support example is of the class."""
    return F.one_hot(support.y.long(), way).to(dtype) * support.mask.to(dtype).unsqueeze(-1)


__all__ = ["EmbeddingLearner", "members"]
