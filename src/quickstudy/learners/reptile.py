"""Reptile: move the initialisation towards the weights that tasks end up with."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import InnerOptimiser, InnerOptimiserName, inner_optimiser
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import GradientLearner, InnerLoop, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode


class Reptile(GradientLearner):
    """The update direction is ``θ − w_K``, from the initialisation away from the adapted weights.

    The loss of a task is the surrogate ``½ ‖θ − stop_gradient(w_K)‖²``, whose gradient is ``θ −
    w_K``: with plain gradient descent of rate ``ε`` as outer optimiser a step is the paper's ``θ ←
    θ + ε · mean(w_K − θ)``. Queries are not used in training.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as most others below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"adam"`` (with β₁ = 0, as in the paper), ``"sgd"`` or ``"momentum"``.
        inner_batch_size: Support examples a step uses, the next ones in turn and from the start
            again at the end; None uses all of them. Support sets are laid out shot by shot, so a
            multiple of the way is a balanced batch.
        shared_head: Start every class's row of the last linear layer from the mean of the rows:
            that start is the ``θ`` above.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Source: Nichol, Achiam & Schulman 2018, algorithm 1 and section 6.1.

    Differs from the authors' code: Adam's second moment starts afresh for every task, theirs is
    carried from task to task; batches go through the support set in turn, theirs are drawn."""

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 1e-3,
        inner_steps: int = 5,
        test_steps: int | None = None,
        inner_optimiser: InnerOptimiserName = "adam",
        inner_batch_size: int | None = None,
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        super().__init__(
            model,
            inner_lr,
            inner_steps,
            test_steps,
            inner_optimiser,
            statistics,
            mapping,
            shared_head,
        )
        size = inner_batch_size
        require(
            size is None or size >= 1,
            f"Parameter `inner_batch_size` should be at least 1. Found inner_batch_size={size}.",
        )
        self.inner_batch_size = inner_batch_size

    def optimiser(self) -> InnerOptimiser:
        """The inner optimiser; Adam with β₁ = 0."""
        return inner_optimiser(self.inner_optimiser, beta1=0.0)

    def rows(self, support: Batch, index: int) -> Batch:
        """The examples of step ``index``: the next ``inner_batch_size`` in turn."""
        num_examples = support.x.shape[1]
        if self.inner_batch_size is None or self.inner_batch_size >= num_examples:
            return support
        size, count = self.inner_batch_size, support.mask.sum(1, keepdim=True).long()
        next_ones = torch.arange(size, device=support.x.device)
        at = torch.where(count <= size, next_ones, (next_ones + index * size) % count.clamp(min=1))
        real_first = (support.mask == 0).long().argsort(dim=1, stable=True)
        rows = (
            torch.arange(support.num_tasks, device=at.device).unsqueeze(1),
            real_first.gather(1, at),
        )
        return support.each(lambda values: values[rows])

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """Half the squared distance from the initialisation to every task's adapted weights ``[task]``."""
        meta = self.meta()
        way = self.way_of(episodes.support)
        return self.over_chunks(
            episodes, lambda chunk: self._distance(*self.problem(meta, chunk.support, way=way))
        )

    def _distance(self, loop: InnerLoop, meta: dict[str, Tensor]) -> Tensor:
        start = loop.start(meta)
        with torch.no_grad():
            state = start
            for index in range(self.inner_steps):
                state = loop.step(state, meta, index, differentiable=False)
        return torch.stack(
            [0.5 * (start[name] - state[name]).square().flatten(1).sum(1) for name in loop.names]
        ).sum(0)
