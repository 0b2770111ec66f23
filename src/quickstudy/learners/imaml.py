"""Implicit MAML: the outer gradient needs no path through the inner steps."""

from torch import nn

from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import All, head_start
from quickstudy.learners.steps import Descent


class IMAML(GradientLearner):
    """Adapt by minimising a regularised support loss, and take the outer gradient at the minimum.

    It does not matter how the minimum was found.

    ``w* = argmin_w L_support(w) + λ/2 ‖w − θ‖²`` by ``inner_steps`` gradient steps from ``θ``, and
    the loss of a task is ``L_query(w*)``. Its gradient with respect to ``θ`` is ``(I + ∇²
    L_support(w*) / λ)⁻¹ ∇ L_query(w*)``, by ``cg_steps`` steps of conjugate gradients for every
    task. Memory does not depend on the number of inner steps.

    Equal to :class:`~quickstudy.MAML` with ``outer_gradient="implicit"``. The gradient is
    approximate if there are too few inner steps to reach the minimum, or too few ``cg_steps`` to
    solve for it.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training, at least 1.
        test_steps: Inner steps at test; by default as many as in training.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        proximal: ``λ``, how strongly a task is held to the initialisation.
        cg_steps: Steps of conjugate gradients.
        damping: Added to the Hessian ``∇² L_support + λ I``; the authors' code adds ``damping / λ``
            to ``I``.
        shared_head: Start every class's row of the last linear layer from the mean of the rows:
            that start is the ``θ`` above.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Source: Rajeswaran, Finn, Kakade & Levine 2019, eq. 3, 6 and 7, algorithms 1 and 2.

    Differs from the authors' code: every inner step has the proximal term; theirs is one step after
    the others, and none at test. The Hessian is divided by ``λ`` as in eq. 6, theirs by ``λ + 10``.

    Example:
        >>> import torch, quickstudy as qs
        >>> learner = qs.IMAML(qs.models.MLP(), inner_lr=0.05, inner_steps=10, proximal=0.5)
        >>> source = qs.tasks.Sinusoid().episodes(shot=5, query=5)
        >>> episodes = source.sample(4, qs.Moment(0, "example"))
        >>> learner.losses(episodes).shape
        torch.Size([4])
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 0.1,
        inner_steps: int = 16,
        test_steps: int | None = None,
        inner_optimiser: InnerOptimiserName = "sgd",
        proximal: float = 2.0,
        cg_steps: int = 5,
        damping: float = 0.0,
        shared_head: bool = False,
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part, step = All(head_start(shared_head)), Descent(inner_lr, inner_optimiser)
        gradient = QueryLoss("implicit", cg_steps, damping)
        super().__init__(
            model, part, step, gradient, inner_steps, test_steps, statistics, mapping, proximal
        )
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.cg_steps, self.damping = cg_steps, damping
        self.shared_head = shared_head


__all__ = ["IMAML"]
