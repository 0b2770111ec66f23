"""Meta-SGD: a learning rate for every parameter, learned with the initialisation."""

from torch import Tensor, full_like, nn

from quickstudy.episode import Batch
from quickstudy.learners.gradient import StatisticsPolicy
from quickstudy.learners.inner_optimisers import Weights
from quickstudy.learners.maml import MAML
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import OuterGradient, State

RATE = "rate."
"""In front of a parameter's name: its learning rates."""


class MetaSGD(MAML):
    """MAML with a learned rate for every parameter: ``w_{k+1} = w_k − α ∘ ∇ L_support(w_k)``.

    ``α`` has the shape of the weights and is learned as ``θ`` is. Rates may turn negative: it holds direction and length of the step.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Where all rates start.
        inner_steps: Inner steps in training; the paper takes one.
        test_steps: Inner steps at test; by default as many as in training.
        outer_gradient: See :class:`~quickstudy.MAML`; in ``"first_order"`` rates still learn, from the inner gradients as constants.
        shared_head: See :class:`~quickstudy.MAML`; the rates of the classes' rows are then shared too.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Source: Li, Zhou, Chen & Li 2017, eq. 2 and algorithm 1. Differs from the paper: rates start alike, theirs are drawn from
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
        trained = [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.requires_grad]
        self._rated = tuple(name for name, _ in trained)
        self.rates = nn.ParameterList(full_like(parameter, inner_lr) for _, parameter in trained)

    def meta(self) -> State:
        """The initialisation and the rates, by name."""
        return {**super().meta(), **{RATE + name: rate for name, rate in zip(self._rated, self.rates, strict=True)}}

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """The meta-learned weights of every task, without the rates."""
        return super().initial({name: value for name, value in meta.items() if not name.startswith(RATE)}, support, way)

    def rate(self, meta: State, name: str, index: int) -> Tensor | float:
        """The rates of parameter ``name``; those of a shared head's rows are their mean."""
        rate = meta[RATE + name]
        return rate.mean(0, keepdim=True) if name in self._head else rate
