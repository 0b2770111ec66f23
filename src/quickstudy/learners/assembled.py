"""A learner of any part, step rule and outer gradient."""

from torch import nn

from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import Outer
from quickstudy.learners.parts import Part
from quickstudy.learners.steps import StepRule


class Assembled(GradientLearner):
    """Assemble a learner from a part, a step rule and an outer gradient.

    Each learner with a name is made of three such objects; this one takes any three.

    Args:
        model: Any module, see :class:`~quickstudy.GradientLearner`.
        part: The part of the model that a task owns.
        step: The rule by which the part changes in a step.
        gradient: The outer gradient, which gives the loss that training descends.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.
        proximal: ``λ`` of a term ``λ/2 ‖w − w_0‖²`` that inner steps add to the support loss.

    Raises:
        UserError: If part, step rule and outer gradient do not go together.

    Example:
        Only biases adapt, by Adam:

        >>> import quickstudy as qs
        >>> from quickstudy.learners import outer, parts, steps
        >>> part = parts.Named(["*.bias"])
        >>> step, gradient = steps.Descent(0.01, "adam"), outer.QueryLoss("stepwise")
        >>> learner = qs.learners.Assembled(qs.models.MLP(), part, step, gradient, inner_steps=3)
        >>> task = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(1, qs.Moment(0, "example"))
        >>> sorted(learner.adapt(task.support))
        ['features.1.bias', 'features.3.bias', 'head.bias']
    """

    def __init__(
        self,
        model: nn.Module,
        part: Part,
        step: StepRule,
        gradient: Outer,
        inner_steps: int,
        test_steps: int | None = None,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
        proximal: float = 0.0,
    ) -> None:
        super().__init__(
            model, part, step, gradient, inner_steps, test_steps, statistics, mapping, proximal
        )


__all__ = ["Assembled"]
