"""An inner loop on a part of what there is; the rest is the same for all tasks."""

from typing import cast

from torch import Tensor

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.learners.gradient import InnerLoop
from quickstudy.learners.mapping import over_tasks


class PartLoop(InnerLoop):
    """Adapts what the learner's ``initial`` names.

    The rest comes from ``meta``, without a task axis: all tasks are one batch to it.
    """

    def scores(self, weights: Weights, batch: Batch, mask: Tensor | None, meta: State) -> Tensor:
        """The scores of the support examples."""
        return cast(
            Tensor,
            over_tasks(lambda own, x, mask: self._scores({**meta, **own}, x, mask))(
                weights, batch.x, mask
            ),
        )

    def query_scores(self, weights: Weights, query: Batch, meta: State) -> Tensor:
        """The scores of the queries."""
        with_meta = over_tasks(
            lambda own, *examples: self._query_scores({**meta, **own}, *examples)
        )
        return cast(
            Tensor, with_meta(weights, self.support.x, self.support_mask, query.x, self.query_mask)
        )


__all__ = ["PartLoop"]
