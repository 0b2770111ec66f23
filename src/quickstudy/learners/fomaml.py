"""First-order MAML."""

from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import State
from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.bilevel.unrolled import first_order
from quickstudy.episode import Episode
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode


class FOMAML(GradientLearner):
    """MAML without second derivatives: inner gradients are constants in the outer gradient.

    With ``w_K = θ − inner_lr · Σ_k stop_gradient(∇ L_support(w_k))`` the gradient of a task's loss
    ``L_query(w_K)`` with respect to ``θ`` is ``∇ L_query(w_K)``: the Jacobian ``∂w_K/∂θ`` is taken
    as the identity. Equal to :class:`~quickstudy.MAML` with ``outer_gradient="first_order"``.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        shared_head: Start every class's row of the last linear layer from the mean of the rows.
        statistics: Whose mean and variance batch norms use.
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

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task after adapting ``[task]``."""
        return self.losses_from(self.meta(), episodes)

    def losses_from(self, meta: State, episodes: Episode) -> Tensor:
        """:meth:`losses` as a function of what is meta-learned."""
        weights, way = [0.0] * self.inner_steps + [1.0], self.way_of(episodes.support)
        return self.over_chunks(
            episodes,
            lambda chunk: first_order(
                *self.problem(meta, chunk.support, chunk.query, way), weights
            )[0],
        )
