"""The part that is a context vector, which modulates one layer."""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.errors import require, require_at_least
from quickstudy.learners.modulation import Change, channels, modulating
from quickstudy.learners.parts.part import Examples, Part, Shared, Tasks
from quickstudy.learners.tensors import without
from quickstudy.models.norm import Statistics, forward

CONTEXT, MODULATION = "context", "modulation.weight"


class Context(Part):
    """Adapt a vector that starts at 0 and modulates one layer, as in CAVIA.

    With the vector ``φ``, the output ``h`` of a linear layer becomes ``h + V φ``. The output of a
    convolution or norm becomes ``(1 + U φ) ∘ h + V φ``.

    Args:
        size: Length of ``φ``.
        layer: Name of the layer; by default the first linear or convolutional one.

    Raises:
        UserError: If there is no such layer, or it is neither linear, convolutional nor a norm.
    """

    def __init__(self, size: int = 5, layer: str | None = None) -> None:
        super().__init__()
        require_at_least(1, context_size=size)
        self.size, self.layer = size, layer

    def attach(self, model: nn.Module) -> None:
        """Find the layer, and make ``V`` and ``U``."""
        name = _first_layer(model) if self.layer is None else self.layer
        layer = dict(model.named_modules()).get(cast(str, name))
        require(
            layer is not None,
            f"Parameter `layer` should name a layer of the model. Found layer={self.layer!r}.",
        )
        assert layer is not None and name is not None
        self._layer = name
        self._terms = 1 if isinstance(layer, nn.Linear) else 2
        self.modulation = nn.Linear(self.size, self._terms * channels(layer), bias=False)

    def owned(self, model: nn.Module) -> Weights:
        """Return the vector."""
        return {CONTEXT: self.modulation.weight.new_zeros(self.size)}

    def start(self, shared: Shared, tasks: Tasks) -> Weights:
        """Return a context of zeros for every task ``[task, context]``."""
        count = tasks.support.num_tasks
        return {CONTEXT: self.modulation.weight.new_zeros(count, self.size)}

    def whole(self, shared: Shared, own: Weights, examples: Examples) -> tuple[Tensor, Statistics]:
        """Run the shared network, with one layer modulated by the task's context."""
        weights = shared.weights | without(own, (CONTEXT,))
        with modulating(shared.model, {self._layer: self._change(shared, own[CONTEXT])}):
            return forward(shared.model, weights, *examples)

    def _change(self, shared: Shared, context: Tensor) -> Change:
        """Make the change of the layer by ``context``."""
        values = shared.part.get(MODULATION, self.modulation.weight) @ context
        return _modulated(values.chunk(self._terms))

    def uncompiled(self) -> str | None:
        """Refuse: layers are changed by hooks."""
        return "A network whose layers are modulated is not compiled."


def _first_layer(model: nn.Module) -> str | None:
    """Return the name of the first linear or convolutional layer; None if there is none."""
    kinds = nn.Linear | nn.modules.conv._ConvNd
    return next((name for name, each in model.named_modules() if isinstance(each, kinds)), None)


def _modulated(terms: Sequence[Tensor]) -> Change:
    """Make the change of a layer's output by a shift ``[channel]``, and a scale if it is given."""

    def change(layer: nn.Module, inputs: Tensor, output: Tensor) -> Tensor:
        ones = [1] * (output.ndim - 2)
        shift, *scale = (term.reshape(-1, *ones) for term in terms)
        return (1 + scale[0]) * output + shift if scale else output + shift

    return change


__all__ = ["Context"]
