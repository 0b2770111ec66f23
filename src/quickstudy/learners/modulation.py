"""How a task embedding changes the layers of a shared network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.errors import require

ModulationName = Literal["film", "lowrank"]
Change = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""The new output of a layer, from the layer, its input and its output."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Modulation(nn.Module, ABC):
    """Change one layer by an embedding.

    The embedding ``z`` is ``[embedding]``, or ``[example, embedding]`` with one for every example.
    ``z = 0`` changes nothing.
    """

    def __init__(self, embedding_size: int, values: int) -> None:
        super().__init__()
        self.generate = nn.Linear(embedding_size, values, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with a layer that no embedding changes."""
        nn.init.zeros_(self.generate.weight)

    @abstractmethod
    def forward(self, layer: nn.Module, x: Tensor, output: Tensor, embedding: Tensor) -> Tensor:
        """Return the new output of ``layer``, which made ``output`` of ``x``."""


class FiLM(Modulation):
    """Scale and shift every channel of a layer's output.

    The output ``h`` becomes ``(1 + γ) ∘ h + β`` with ``[γ, β] = G z``.

    Source: Perez et al. 2018, eq. 2, their ``γ`` written as ``1 + γ``.
    """

    def __init__(self, layer: nn.Module, embedding_size: int) -> None:
        super().__init__(embedding_size, 2 * channels(layer))

    def forward(self, layer: nn.Module, x: Tensor, output: Tensor, embedding: Tensor) -> Tensor:
        """Return the modulated output."""
        scale, shift = self.generate(embedding).chunk(2, -1)
        return (1 + spread(scale, output, layer)) * output + spread(shift, output, layer)


class LowRank(Modulation):
    """Change a layer's weights by terms of rank one.

    The weights are ``W + Σ_r s_r u_r v_rᵀ`` and the bias ``b + β``, with ``[s, β] = G z``. The sum
    is never made: the output changes by ``U (s ∘ V x) + β``. For a convolution, ``V`` is one with
    ``rank`` channels.

    Source: Ha, Dai & Le 2017, section 3. Differs from the paper: weights are not generated whole or
        scaled row by row. They are changed by terms of rank one, whose coefficients are generated.
    """

    def __init__(self, layer: nn.Module, embedding_size: int, rank: int) -> None:
        _check_low_rank(layer)
        super().__init__(embedding_size, rank + channels(layer))
        weight = cast(Tensor, layer.weight)
        self.left = nn.Parameter(torch.empty(weight.shape[0], rank))
        self.right = nn.Parameter(torch.empty(rank, *weight.shape[1:]))
        nn.init.normal_(self.left, std=rank**-0.5)
        nn.init.normal_(self.right, std=weight[0].numel() ** -0.5)

    def forward(self, layer: nn.Module, x: Tensor, output: Tensor, embedding: Tensor) -> Tensor:
        """Return the output with the task's weights."""
        coefficients, shift = self._generated(embedding)
        linear = isinstance(layer, nn.Linear)
        change = self._of_linear if linear else self._of_convolution
        return output + change(layer, x, coefficients) + spread(shift, output, layer)

    def _generated(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coefficients ``s`` and the shift ``β``."""
        rank = self.left.shape[1]
        sizes = [rank, self.generate.out_features - rank]
        coefficients, shift = self.generate(embedding).split(sizes, -1)
        return coefficients, shift

    def _of_linear(self, layer: nn.Module, x: Tensor, coefficients: Tensor) -> Tensor:
        """Return ``U (s ∘ V x)`` for a linear layer."""
        inner = F.linear(x, self.right)
        return F.linear(inner * spread(coefficients, x, layer), self.left)

    def _of_convolution(self, layer: nn.Module, x: Tensor, coefficients: Tensor) -> Tensor:
        """Return ``U (s ∘ V x)`` for a convolution, which runs as ``layer`` does."""
        inner = cast(nn.Conv2d, layer)._conv_forward(x, self.right, None)
        scaled = inner * spread(coefficients, inner, layer)
        return F.linear(scaled.movedim(1, -1), self.left).movedim(-1, 1)


def _check_low_rank(layer: nn.Module) -> None:
    """Raise if the weights of ``layer`` cannot be changed by terms of rank one."""
    whole = isinstance(layer, CONVOLUTIONS) and layer.groups == 1
    require(
        isinstance(layer, nn.Linear) or whole,
        "Weights of low rank are for linear layers and convolutions without groups. "
        f"Found {type(layer).__name__} in `layers`.",
    )


def spread(values: Tensor, output: Tensor, layer: nn.Module) -> Tensor:
    """Shape ``values`` ``[channel]`` or ``[example, channel]`` to meet ``output``.

    Channels come last in the output of a linear layer, else second.
    """
    ones = [1] * (output.ndim - 2)
    *examples, size = values.shape
    if isinstance(layer, nn.Linear):
        return values.reshape(*examples, *ones, size)
    return values.reshape(*examples, size, *ones)


def channels(layer: nn.Module) -> int:
    """Return the output channels of a linear layer, a convolution or a norm over them.

    Raises:
        UserError: If it is none of these.
    """
    names = ("out_features", "out_channels", "num_features")
    sizes = [getattr(layer, name) for name in names if hasattr(layer, name)]
    require(
        bool(sizes),
        "A layer that is modulated should be a linear layer, a convolution or a norm. "
        f"Found {type(layer).__name__}.",
    )
    return int(sizes[0])


def modulation(
    model: nn.Module, name: str, kind: ModulationName, embedding_size: int, rank: int
) -> Modulation:
    """Make the modulation of the layer ``name`` of ``model``.

    Raises:
        UserError: If there is no such layer or kind, or the kind cannot change the layer.
    """
    _check_kind(kind)
    layer = dict(model.named_modules()).get(name)
    require(
        layer is not None, f"Parameter `layers` should name layers of the model. Found {name!r}."
    )
    assert layer is not None
    return FiLM(layer, embedding_size) if kind == "film" else LowRank(layer, embedding_size, rank)


def _check_kind(kind: str) -> None:
    """Raise if there is no such kind of modulation."""
    require(
        kind in ("film", "lowrank"),
        f"Parameter `kind` should be 'film' or 'lowrank'. Found {kind!r}.",
    )


def layers_to_modulate(model: nn.Module, head: str, kind: ModulationName) -> tuple[str, ...]:
    """Return the layers that are modulated by default.

    They are all linear layers and convolutions below the head, whose weight is the parameter
    ``head``. For ``"film"`` they are only the batch norms, if there are any: these would take out a
    scale and shift that comes before them.

    Raises:
        UserError: If there is none.
    """
    owner = head.rpartition(".")[0]
    below = {name: module for name, module in model.named_modules() if name != owner}
    norms = _norms(below)
    found = norms if norms and kind == "film" else _linear_layers(below)
    require(
        len(found) > 0,
        "The model should have a linear layer, convolution or batch norm below its head. "
        "Found none.",
    )
    return found


def _norms(layers: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Return the names of the batch norms among ``layers``."""
    return tuple(name for name, module in layers.items() if hasattr(module, "num_features"))


def _linear_layers(layers: Mapping[str, nn.Module]) -> tuple[str, ...]:
    """Return the names of the linear layers and convolutions among ``layers``."""
    linear = (nn.Linear, nn.modules.conv._ConvNd)
    return tuple(name for name, module in layers.items() if isinstance(module, linear))


@contextmanager
def modulating(model: nn.Module, changes: Mapping[str, Change]) -> Iterator[None]:
    """Apply the ``changes`` to the outputs of the named layers of ``model`` inside."""
    handles = [
        model.get_submodule(name).register_forward_hook(_hook(change))
        for name, change in changes.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(change: Change) -> Callable[[nn.Module, Any, Tensor], Tensor]:
    """Make a hook of torch that applies ``change``."""
    return lambda layer, inputs, output: change(layer, inputs[0], output)


__all__ = [
    "FiLM",
    "LowRank",
    "Modulation",
    "ModulationName",
    "channels",
    "layers_to_modulate",
    "modulating",
    "modulation",
]
