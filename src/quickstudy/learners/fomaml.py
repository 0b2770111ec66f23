"""First-order MAML."""

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import All, head_start
from quickstudy.learners.steps import Descent


class FOMAML(GradientLearner):
    """Meta-learn as MAML does, with inner gradients as constants in the outer gradient.

    With ``w_K = θ − inner_lr · Σ_k stop_gradient(∇ L_support(w_k))`` the gradient of a task's loss
    ``L_query(w_K)`` with respect to ``θ`` is ``∇ L_query(w_K)``: the Jacobian ``∂w_K/∂θ`` is taken
    as the identity. Equal to :class:`~quickstudy.MAML` with ``outer_gradient="first_order"``.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        shared_head: Start every class's row of the last linear layer from the mean of the rows.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Source: Finn, Abbeel & Levine 2017, section 5.2; Nichol, Achiam & Schulman 2018, eq. 5.
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        inner_optimiser: InnerOptimiserName = "sgd",
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part, step = All(head_start(shared_head)), Descent(inner_lr, inner_optimiser)
        gradient = QueryLoss("first_order")
        super().__init__(model, part, step, gradient, inner_steps, test_steps, statistics, mapping)
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.shared_head = shared_head


__all__ = ["FOMAML"]
