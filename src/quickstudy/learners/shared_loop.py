"""An inner loop on what is a task's own, beside a network that all tasks share."""

from typing import cast

from torch import Tensor

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.learners.gradient import InnerLoop
from quickstudy.learners.mapping import over_tasks


class SharedLoop(InnerLoop):
    """What a task starts from and adapts is its own; the network is the same for all tasks, so all are one batch to its layers."""

    def scores(self, weights: Weights, batch: Batch, mask: Tensor | None, meta: State) -> Tensor:
        """The scores of the support examples."""
        return cast(Tensor, over_tasks(lambda own, x, mask: self._scores({**meta, **own}, x, mask))(weights, batch.x, mask))

    def query_scores(self, weights: Weights, query: Batch, meta: State) -> Tensor:
        """The scores of the queries."""
        with_meta = over_tasks(lambda own, *examples: self._query_scores({**meta, **own}, *examples))
        return cast(Tensor, with_meta(weights, self.support.x, self.support_mask, query.x, self.query_mask))


__all__ = ["SharedLoop"]
