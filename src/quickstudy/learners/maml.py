"""MAML: an initialisation from which a few gradient steps master a task."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.bilevel.ways import IMPLICIT, check_way, solve_problem
from quickstudy.episode import Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode


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
            of one step and the stored weights, more time), ``"truncated"`` (second order through the last steps alone),
            ``"first_order"`` (see :class:`FOMAML`), or ``"implicit"`` and ``"neumann"`` (at the optimum of the inner loss, see
            :class:`IMAML`; they need ``proximal``, and memory of one step). See :func:`quickstudy.bilevel.solve`.
        multi_step_loss: Take the mean of the query losses after each of the inner steps as the loss of
            a task, in place of the last one's (MAML++'s multi-step loss with equal weights, Antoniou et al. 2019, eq. 3).
        shared_head: Start every class's row of the last linear layer from the mean of the rows. With one inner step
            it alone changes then, since equal rows pass no gradient down.
        statistics: Whose mean and variance batch norms use.
        mapping: How tasks are computed together.
        proximal: ``λ`` of a term ``λ/2 ‖w − θ‖²`` that inner steps add to the support loss.
        backward_steps: The last steps of ``"truncated"``; steps of conjugate gradients; terms of the Neumann series.
        damping: Added to the Hessian of the implicit ways.

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
        proximal: float = 0.0,
        backward_steps: int = 5,
        damping: float = 0.0,
    ) -> None:
        super().__init__(model, inner_lr, inner_steps, test_steps, inner_optimiser, statistics, mapping, shared_head)
        check_way(outer_gradient, backward_steps, damping)
        require(0 <= proximal < math.inf, f"Parameter `proximal` should be at least 0. Found proximal={proximal}.")
        if outer_gradient in IMPLICIT:
            _check_implicit(outer_gradient, inner_steps, inner_optimiser, multi_step_loss, proximal)
        self.proximal, self.backward_steps, self.damping = proximal, backward_steps, damping
        self.outer_gradient: OuterGradient = outer_gradient
        self.multi_step_loss = multi_step_loss

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task after adapting ``[task]``."""
        return self.losses_from(self.meta(), episodes)

    def losses_from(self, meta: State, episodes: Episode) -> Tensor:
        """:meth:`losses` as a function of what is meta-learned."""
        steps, way = self.inner_steps, self.way_of(episodes.support)
        weights = [0.0] + [1 / steps] * steps if self.multi_step_loss and steps else [0.0] * steps + [1.0]

        def solved(chunk: Episode) -> Tensor:
            problem, tensors = self.problem(meta, chunk.support, chunk.query, way)
            return solve_problem(problem, tensors, weights, self.outer_gradient, self.backward_steps, self.damping, self.inner_lr)[0]

        return self.over_chunks(episodes, solved)


def _check_implicit(which: str, inner_steps: int, inner_optimiser: str, multi_step_loss: bool, proximal: float) -> None:
    """Refuse what an implicit gradient cannot be had of, with the reason."""
    outer = f"outer_gradient={which!r}"
    require(
        proximal > 0,
        f"Parameter `proximal` should be positive with {outer}: without it the optimum of the inner loss does not depend on "
        f"the initialisation. Found proximal={proximal}.",
    )
    require(inner_steps >= 1, f"Parameter `inner_steps` should be at least 1 with {outer}, which needs the inner optimum. Found 0.")
    require(
        not multi_step_loss,
        f"Parameter `multi_step_loss` should be False with {outer}: it is that of the optimum alone. Found True.",
    )
    require(
        which != "neumann" or inner_optimiser == "sgd",
        f"Parameter `inner_optimiser` should be 'sgd' with {outer}, which goes on with its rate. Found {inner_optimiser!r}.",
    )
