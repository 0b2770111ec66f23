"""The abstract parent of MAML, ANIL and BOIL: the initialisation of a part is meta-learned."""

from typing import ClassVar

from torch import nn

from quickstudy.bilevel import OuterGradient
from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import WeightsPart, head_start
from quickstudy.learners.steps import Descent, StepNorms, StepRates


class InitialisationLearner(GradientLearner):
    """Meta-learn the initialisation of a part of the network through the inner steps.

    A method names the part as its ``adapts``. See :class:`~quickstudy.MAML` for all options.

    Args:
        model: A network, see :class:`~quickstudy.GradientLearner`.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: The optimiser of the inner steps.
        outer_gradient: How the gradient of the query loss is taken.
        multi_step_loss: Take the mean of the query losses after each of the inner steps.
        shared_head: Start every class's row of the head from the mean of the rows.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
        learned_rates: Learn an inner rate for every parameter tensor and step.
        per_step_norm: Learn scale and shift of the batch norms for each step.
        multi_step_until: Outer step from which only the loss after the last step counts.
        first_order_until: Outer step before which the outer gradient is of first order.
        prototype_head: Start the head as the nearest-prototype classifier.
        proximal: How strongly inner steps are held to the initialisation.
        backward_steps: Steps of an outer gradient that takes a number of them.
        damping: Added to the diagonal of the Hessian of an implicit gradient.

    Raises:
        UserError: If an option is out of range, or options do not go together.
    """

    adapts: ClassVar[type[WeightsPart]]
    """The part of the network that adapts."""

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        inner_optimiser: InnerOptimiserName = "sgd",
        outer_gradient: OuterGradient = "unrolled",
        multi_step_loss: bool = False,
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
        learned_rates: bool = False,
        per_step_norm: bool = False,
        multi_step_until: int | None = None,
        first_order_until: int = 0,
        prototype_head: bool = False,
        proximal: float = 0.0,
        backward_steps: int = 5,
        damping: float = 0.0,
    ) -> None:
        part = self.adapts(head_start(shared_head, prototype_head))
        rates = StepRates() if learned_rates else None
        step = Descent(inner_lr, inner_optimiser, rates, StepNorms() if per_step_norm else None)
        gradient = QueryLoss(
            outer_gradient,
            backward_steps,
            damping,
            multi_step_loss,
            multi_step_until,
            first_order_until,
        )
        super().__init__(
            model, part, step, gradient, inner_steps, test_steps, statistics, mapping, proximal
        )
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.shared_head, self.prototype_head = shared_head, prototype_head
        self.learned_rates, self.per_step_norm = learned_rates, per_step_norm
        self.multi_step_loss, self.multi_step_until = multi_step_loss, multi_step_until
        self.outer_gradient: OuterGradient = outer_gradient
        self.first_order_until = first_order_until
        self.backward_steps, self.damping = backward_steps, damping


__all__ = ["InitialisationLearner"]
