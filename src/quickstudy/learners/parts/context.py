"""A context vector that modulates one layer is the task's own."""

from typing import cast

from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.errors import require
from quickstudy.learners.modulation import channels, modulating
from quickstudy.learners.parts.part import Examples, Part, Shared, Tasks
from quickstudy.models.norm import Statistics, forward

CONTEXT, MODULATION = "context", "modulation.weight"


class Context(Part):
    """A vector ``φ`` that starts at 0 and modulates one layer, as in CAVIA.

    The output ``h`` of a linear layer becomes ``h + V φ``; that of a convolution or norm ``(1 + U
    φ) ∘ h + V φ``.

    Args:
        size: Length of ``φ``.
        layer: Name of the layer; by default the first linear or convolutional one.

    Raises:
        UserError: If there is no such layer, or it is neither linear, convolutional nor a norm.
    """

    def __init__(self, size: int = 5, layer: str | None = None) -> None:
        super().__init__()
        require(
            size >= 1, f"Parameter `context_size` should be at least 1. Found context_size={size}."
        )
        self.size, self.layer = size, layer

    def attach(self, model: nn.Module) -> None:
        """Find the layer, and make ``V`` and ``U``."""
        layers = dict(model.named_modules())
        kinds = nn.Linear | nn.modules.conv._ConvNd
        first = next((name for name, found in layers.items() if isinstance(found, kinds)), None)
        name = first if self.layer is None else self.layer
        require(
            name in layers,
            f"Parameter `layer` should name a layer of the model. Found layer={self.layer!r}.",
        )
        self._layer = cast(str, name)
        layer = layers[self._layer]
        self._terms = 1 if isinstance(layer, nn.Linear) else 2
        self.modulation = nn.Linear(self.size, self._terms * channels(layer), bias=False)

    def owned(self, model: nn.Module) -> Weights:
        """The vector."""
        return {CONTEXT: self.modulation.weight.new_zeros(self.size)}

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """A context of zeros for every task ``[task, context]``."""
        count = tasks.support.num_tasks
        return {CONTEXT: self.modulation.weight.new_zeros(count, self.size)}

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """The shared network, one layer of which the task's context modulates."""
        rest = {name: value for name, value in own.items() if name != CONTEXT}
        values = shared.part.get(MODULATION, self.modulation.weight) @ own[CONTEXT]

        def modulate(layer: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
            ones = [1] * (output.ndim - 2)
            shift, *scale = (part.reshape(-1, *ones) for part in values.chunk(self._terms))
            return (1 + scale[0]) * output + shift if scale else output + shift

        with modulating(shared.model, {self._layer: modulate}):
            return forward(shared.model, {**shared.weights, **rest}, *examples)

    def uncompiled(self) -> str | None:
        """Layers are changed by hooks."""
        return "A network whose layers are modulated is not compiled."


__all__ = ["Context"]
