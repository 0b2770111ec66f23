"""MAML: an initialisation from which a few gradient steps master a task."""

from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.inner_optimisers import InnerOptimiserName
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import OUTER_GRADIENTS, OuterGradient, State


class MAML(GradientLearner):
    """Model-agnostic meta-learning: the initialisation is meta-learned through the inner steps.

    ``w_0 = θ``, ``w_{k+1} = w_k − inner_lr · ∇_w L_support(w_k)``, and the loss of a task is
    ``L_query(w_K)``, whose gradient with respect to ``θ`` goes through all ``K`` steps.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"`` (exact; memory grows with the steps), ``"stepwise"`` (exact; memory
            of one step and the stored weights, more time) or ``"first_order"`` (see :class:`FOMAML`).
        multi_step_loss: Take the mean of the query losses after each of the inner steps as the loss of
            a task, in place of the last one's (MAML++'s multi-step loss with equal weights, Antoniou et al. 2019, eq. 3).
        shared_head: Start every class's row of the last linear layer from the mean of the rows. With one inner step
            it alone changes then, since equal rows pass no gradient down.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.

    Source: Finn, Abbeel & Levine 2017, algorithm 2 and eq. 1.

    Differs from the authors' code: the support loss is a mean over examples, theirs a sum over the
    classes, so their inner rate 0.4 for 5-way Omniglot is 2.0 here; and statistics are by default
    those of the support set, theirs are transductive.

    Example:
        >>> import torch, quickstudy as qs
        >>> learner = qs.MAML(qs.models.MLP(inputs=1, outputs=1), inner_lr=0.01)
        >>> episodes = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(4, qs.generator(0, "example"))
        >>> learner.losses(episodes).shape
        torch.Size([4])
    """

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
    ) -> None:
        super().__init__(model, inner_lr, inner_steps, test_steps, inner_optimiser, statistics, mapping, shared_head)
        require(
            outer_gradient in OUTER_GRADIENTS,
            f"Parameter `outer_gradient` should be one of {', '.join(OUTER_GRADIENTS)}. Found {outer_gradient!r}.",
        )
        self.outer_gradient: OuterGradient = outer_gradient
        self.multi_step_loss = multi_step_loss

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task after adapting ``[task]``."""
        return self.losses_from(self.meta(), episodes)

    def losses_from(self, meta: State, episodes: Episode) -> Tensor:
        """:meth:`losses` as a function of what is meta-learned."""
        outer, steps = OUTER_GRADIENTS[self.outer_gradient], self.inner_steps
        weights = [0.0] + [1 / steps] * steps if self.multi_step_loss and steps else [0.0] * steps + [1.0]
        way = self.way_of(episodes.support)
        return self.over_chunks(episodes, lambda chunk: outer(*self.problem(meta, chunk.support, chunk.query, way), weights))
