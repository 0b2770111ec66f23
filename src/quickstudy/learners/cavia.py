"""CAVIA: only a short context vector adapts, the network is shared."""

from torch import nn

from quickstudy.bilevel import OuterGradient
from quickstudy.bilevel.optimisers import InnerOptimiserName
from quickstudy.learners.gradient import GradientLearner, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.outer import QueryLoss
from quickstudy.learners.parts import Context
from quickstudy.learners.steps import Descent


class CAVIA(GradientLearner):
    """Adapt only a context vector, which modulates one layer of a shared network.

    With the context ``φ``: ``φ_0 = 0``, ``φ_{k+1} = φ_k − inner_lr · ∇_φ L_support(φ_k, θ)``, and
    the loss of a task is ``L_query(φ_K, θ)``. The output ``h`` of the layer becomes ``h + V φ`` for
    a linear layer, which is the same as appending ``φ`` to the layer's input, and ``(1 + U φ) ∘ h +
    V φ``, a scale and shift of every channel, for a convolution or norm. ``θ`` holds ``U`` and
    ``V``.

    An adapted task is ``context_size`` numbers.

    Args:
        model: A network, see :class:`~quickstudy.learners.gradient.GradientLearner`, also for
            ``statistics`` and ``mapping``.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        context_size: Length of ``φ``.
        layer: Name of the layer that ``φ`` modulates; by default the first linear or convolutional
            layer.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"``, ``"stepwise"`` or ``"first_order"``, see
            :class:`~quickstudy.MAML`.
        statistics: The statistics that batch norms use.
        mapping: How tasks are computed together.

    Raises:
        UserError: If there is no such layer, or it is neither linear, convolutional nor a norm.

    Source: Zintgraf et al. 2019, eq. 2–5. Differs from the paper: the scale is around 1, so that
        ``φ = 0`` leaves the network as it is.

    Example:
        >>> import quickstudy as qs
        >>> learner = qs.CAVIA(qs.models.MLP(), context_size=4)
        >>> task = qs.tasks.Sinusoid().episodes(shot=5, query=5).sample(1, qs.Moment(0, "example"))
        >>> learner.adapt(task.support)["context"].shape
        torch.Size([1, 4])
    """

    def __init__(
        self,
        model: nn.Module,
        inner_lr: float = 1.0,
        inner_steps: int = 1,
        test_steps: int | None = None,
        context_size: int = 5,
        layer: str | None = None,
        inner_optimiser: InnerOptimiserName = "sgd",
        outer_gradient: OuterGradient = "unrolled",
        statistics: StatisticsPolicy = "support",
        mapping: MappingMode = "auto",
    ) -> None:
        part, step = Context(context_size, layer), Descent(inner_lr, inner_optimiser)
        gradient = QueryLoss.explicit(outer_gradient)
        super().__init__(model, part, step, gradient, inner_steps, test_steps, statistics, mapping)
        self.inner_lr, self.inner_optimiser = inner_lr, inner_optimiser
        self.context_size, self.layer = context_size, layer
        self.outer_gradient: OuterGradient = outer_gradient


__all__ = ["CAVIA"]
