"""Meta-SGD: a learning rate for every parameter, learned with the initialisation."""

from torch import Tensor, nn

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.outer_gradient import IMPLICIT
from quickstudy.errors import require
from quickstudy.learners.gradient import StatisticsPolicy
from quickstudy.learners.maml import MAML
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.rates import RATE, Rates


class MetaSGD(MAML):
    """MAML with a learned rate for every parameter: ``w_{k+1} = w_k − α ∘ ∇ L_support(w_k)``.

    ``α`` has the shape of the weights and is learned as ``θ`` is. Rates may turn negative: it holds
    direction and length of the step.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Where all rates start.
        inner_steps: Inner steps in training; the paper takes one.
        test_steps: Inner steps at test; by default as many as in training.
        outer_gradient: See :class:`~quickstudy.MAML`; in ``"first_order"`` rates still learn, from
            the inner gradients as constants.
        shared_head: See :class:`~quickstudy.MAML`; the rates of the classes' rows are then shared
            too.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Source: Li, Zhou, Chen & Li 2017, eq. 2 and algorithm 1. Differs from the paper: rates start
        alike, theirs are drawn from
    U[0.005, 0.1].
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
        require(
            outer_gradient not in IMPLICIT,
            f"Parameter `outer_gradient` should not be {outer_gradient!r}: an inner optimum "
            "does not depend on rates.",
        )
        super().__init__(
            model,
            inner_lr,
            inner_steps,
            test_steps,
            outer_gradient=outer_gradient,
            shared_head=shared_head,
            statistics=statistics,
            mapping=mapping,
        )
        weights = super().meta()
        self.rates = Rates(inner_lr, weights, weights.values())

    def rate(self, meta: State, name: str, index: int) -> Tensor | float:
        """The rates of parameter ``name``; those of a shared head's rows are their mean."""
        rate = meta[RATE + name]
        return rate.mean(0, keepdim=True) if name in self._head else rate
