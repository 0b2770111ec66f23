"""Reptile: move the initialisation towards the weights that tasks end up with."""

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import Displacement
from quickstudy.learners.parts import All, head_start
from quickstudy.learners.steps import Descent


class Reptile(GradientLearner):
    """Move the initialisation towards the adapted weights of tasks.

    The loss of a task is the surrogate ``½ ‖θ − stop_gradient(w_K)‖²``, whose gradient is ``θ −
    w_K``. With plain gradient descent of rate ``ε`` as outer optimiser, a step is ``θ ← θ + ε ·
    mean(w_K − θ)``, as in the paper. Queries are not used in training.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"adam"`` (with β₁ = 0, as in the paper), ``"sgd"`` or ``"momentum"``.
        inner_batch_size: The number of support examples that a step uses: the next ones in turn,
            from the first one again after the last; None uses all of them. Support sets are laid
            out shot by shot, so a multiple of the way is a balanced batch.
        shared_head: Start every class's row of the last linear layer from the mean of the rows:
            that start is the ``θ`` above.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Source: Nichol, Achiam & Schulman 2018, algorithm 1 and section 6.1.

    Differs from the authors' code: Adam's second moment starts afresh for every task, theirs is
    carried from task to task; batches go through the support set in turn, theirs are drawn.
    """

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
        part, gradient = All(head_start(shared_head)), Displacement()
        step = Descent(inner_lr, inner_optimiser, batch_size=inner_batch_size, beta1=0.0)
        super().__init__(model, part, step, gradient, inner_steps, test_steps, statistics, mapping)
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.inner_batch_size, self.shared_head = inner_batch_size, shared_head


__all__ = ["Reptile"]
