"""Meta-SGD: a learning rate for every parameter, learned with the initialisation."""

from torch import nn

from quickstudy.bilevel import OuterGradient
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import All, head_start
from quickstudy.learners.steps import Descent, EntryRates


class MetaSGD(GradientLearner):
    """Learn a rate for every parameter with the initialisation.

    A step is ``w_{k+1} = w_k − α ∘ ∇ L_support(w_k)``, from ``w_0 = θ``. The rates ``α`` have the
    shape of the weights and are learned as ``θ`` is. They may turn negative: ``α`` decides both the
    direction and the length of the step.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Initial value of all rates.
        inner_steps: Inner steps in training; the paper takes one.
        test_steps: Inner steps at test; by default as many as in training.
        outer_gradient: See :class:`~quickstudy.MAML`; in ``"first_order"`` rates still learn, from
            the inner gradients as constants.
        shared_head: See :class:`~quickstudy.MAML`; the rates of the classes' rows are then shared
            too.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Source: Li, Zhou, Chen & Li 2017, eq. 2 and algorithm 1. Differs from the paper: all rates start
        at one value; theirs are drawn from U[0.005, 0.1].
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.05,
        inner_steps: int = 1,
        test_steps: int | None = None,
        outer_gradient: OuterGradient = "unrolled",
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part, step = All(head_start(shared_head)), Descent(inner_lr, rates=EntryRates())
        gradient = QueryLoss(outer_gradient)
        super().__init__(model, part, step, gradient, inner_steps, test_steps, statistics, mapping)
        self.inner_lr, self.shared_head = inner_lr, shared_head
        self.outer_gradient: OuterGradient = outer_gradient


__all__ = ["MetaSGD"]
