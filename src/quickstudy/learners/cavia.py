"""CAVIA: only a short context vector adapts, the network is shared."""

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from quickstudy.bilevel import OuterGradient, State
from quickstudy.bilevel.optimisers import InnerOptimiserName, Weights
from quickstudy.episode import Batch, Episode
from quickstudy.errors import require
from quickstudy.learners.gradient import GradientLearner, InnerLoop, StatisticsPolicy
from quickstudy.learners.mapping import MappingMode
from quickstudy.learners.modulation import channels, modulating
from quickstudy.learners.part_loop import PartLoop
from quickstudy.models.norm import Statistics, forward

CONTEXT, MODULATION = "context", "modulation.weight"


class CAVIA(GradientLearner):
    """Inner steps change a context vector ``φ`` alone, which modulates one layer of a shared
    network.

    ``φ_0 = 0``, ``φ_{k+1} = φ_k − inner_lr · ∇_φ L_support(φ_k, θ)``, and the loss of a task is
    ``L_query(φ_K, θ)``. The output ``h`` of the layer becomes ``h + V φ`` for a linear layer, which
    is the same as appending ``φ`` to the layer's input, and ``(1 + U φ) ∘ h + V φ``, a scale and
    shift of every channel, for a convolution or norm. ``θ`` holds ``U`` and ``V``.

    An adapted task is ``context_size`` numbers.

    Args:
        model: See :class:`~quickstudy.learners.gradient.GradientLearner`, as all others below.
        inner_lr: Inner learning rate.
        inner_steps: Inner steps in training.
        test_steps: Inner steps at test; by default as many as in training.
        context_size: Length of ``φ``.
        layer: Name of the layer that ``φ`` modulates; by default the first linear or convolutional
            layer.
        inner_optimiser: ``"sgd"``, ``"momentum"`` or ``"adam"``.
        outer_gradient: ``"unrolled"``, ``"stepwise"`` or ``"first_order"``, see
            :class:`~quickstudy.MAML`.
        statistics: Whose mean and variance batch norms use.
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
        super().__init__(
            model, inner_lr, inner_steps, test_steps, inner_optimiser, statistics, mapping
        )
        require(
            context_size >= 1,
            f"Parameter `context_size` should be at least 1. Found context_size={context_size}.",
        )
        ways = ("unrolled", "stepwise", "first_order")
        require(
            outer_gradient in ways,
            f"Parameter `outer_gradient` should be one of {', '.join(ways)}. Found "
            f"{outer_gradient!r}.",
        )
        self.context_size, self.layer, self.outer_gradient = context_size, layer, outer_gradient
        modulated, self._shift_only, channels = _modulated(self.model, layer)
        self._layer = modulated
        self.modulation = nn.Linear(
            context_size, channels if self._shift_only else 2 * channels, bias=False
        )

    def meta(self) -> State:
        """What is meta-learned: the network and how the context enters it."""
        weight = self.modulation.weight
        return {**super().meta(), **({MODULATION: weight} if weight.requires_grad else {})}

    def initial(self, meta: State, support: Batch, way: int | None) -> Weights:
        """A context of zeros for every task ``[task, context]``."""
        return {CONTEXT: self.modulation.weight.new_zeros(support.num_tasks, self.context_size)}

    def problem(
        self, meta: State, support: Batch, query: Batch | None = None, way: int | None = None
    ) -> tuple[InnerLoop, State]:
        """The inner loop of the context, with the shared network among the tensors it depends on."""
        return PartLoop(self, support, query, way), meta

    def losses(self, episodes: Episode) -> Float[Tensor, " task"]:
        """The query loss of every task after adapting ``[task]``."""
        return self.outer_losses(
            self.meta(), episodes, [0.0] * self.inner_steps + [1.0], self.outer_gradient
        )

    def apply_model(
        self,
        weights: Weights,
        x: Tensor,
        mask: Tensor | None,
        statistics: Statistics | None,
        record: bool,
    ) -> tuple[Tensor, Statistics]:
        """The shared network, one layer of which the task's context modulates."""
        own = {name: value for name, value in weights.items() if name not in (CONTEXT, MODULATION)}
        values = weights.get(MODULATION, self.modulation.weight) @ weights[CONTEXT]

        def modulate(layer: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
            parts = [
                part.reshape(-1, *[1] * (output.ndim - 2))
                for part in values.chunk(1 if self._shift_only else 2)
            ]
            return output + parts[0] if self._shift_only else (1 + parts[1]) * output + parts[0]

        with modulating(self.model, {self._layer: modulate}):
            return forward(self.model, own, x, mask, statistics, record)


def _modulated(model: nn.Module, layer: str | None) -> tuple[str, bool, int]:
    """The name of the layer that is modulated, whether it is only shifted, and its channels."""
    layers = dict(model.named_modules())
    first = next(
        (
            name
            for name, module in layers.items()
            if isinstance(module, nn.Linear | nn.modules.conv._ConvNd)
        ),
        None,
    )
    name = first if layer is None else layer
    require(
        name in layers,
        f"Parameter `layer` should name a layer of the model. Found layer={layer!r}.",
    )
    found = layers[cast(str, name)]
    return cast(str, name), isinstance(found, nn.Linear), channels(found)


__all__ = ["CAVIA"]
