"""How a task embedding changes the layers of a shared network: FiLM, and weights of low rank."""

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
    """How an embedding ``z`` changes one layer; ``z = 0`` does not.

    It is ``[embedding]``, or ``[example, embedding]``, one for every example.
    """

    def __init__(self, embedding_size: int, values: int) -> None:
        super().__init__()
        self.generate = nn.Linear(embedding_size, values, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """No change by any embedding: the shared network."""
        nn.init.zeros_(self.generate.weight)

    @abstractmethod
    def forward(self, layer: nn.Module, x: Tensor, output: Tensor, embedding: Tensor) -> Tensor:
        """The new output of ``layer``, whose input was ``x`` and whose own output is ``output``."""


class FiLM(Modulation):
    """``(1 + γ) ∘ h + β`` with ``[γ, β] = G z``, for every channel of a layer's output ``h``.

    Source: Perez et al. 2018, eq. 2, their ``γ`` written as ``1 + γ``.
    """

    def __init__(self, layer: nn.Module, embedding_size: int) -> None:
        super().__init__(embedding_size, 2 * channels(layer))

    def forward(self, layer: nn.Module, x: Tensor, output: Tensor, embedding: Tensor) -> Tensor:
        """The modulated output."""
        scale, shift = (
            spread(part, output, layer) for part in self.generate(embedding).chunk(2, -1)
        )
        return (1 + scale) * output + shift


class LowRank(Modulation):
    """The layer with weights ``W + Σ_r s_r u_r v_rᵀ`` and bias ``b + β``, with ``[s, β] = G z``.

    The sum is never made: the output changes by ``U (s ∘ V x) + β``. For a convolution ``V`` is one
    with ``rank`` channels.

    Source: Ha, Dai & Le 2017, section 3. Differs from the paper: weights are not generated whole,
        or row by row scaled, but changed by
    terms of rank one, of which the coefficients are generated.
    """

    def __init__(self, layer: nn.Module, embedding_size: int, rank: int) -> None:
        served = isinstance(layer, nn.Linear) or (
            isinstance(layer, CONVOLUTIONS) and layer.groups == 1
        )
        require(
            served,
            "Weights of low rank are for linear layers and convolutions without groups. "
            f"Found {type(layer).__name__} in `layers`.",
        )
        super().__init__(embedding_size, rank + channels(layer))
        weight = cast(Tensor, layer.weight)
        self.left = nn.Parameter(torch.empty(weight.shape[0], rank))
        self.right = nn.Parameter(torch.empty(rank, *weight.shape[1:]))
        nn.init.normal_(self.left, std=rank**-0.5)
        nn.init.normal_(self.right, std=weight[0].numel() ** -0.5)

    def forward(self, layer: nn.Module, x: Tensor, output: Tensor, embedding: Tensor) -> Tensor:
        """The output with the task's weights."""
        rank = self.left.shape[1]
        coefficients, shift = self.generate(embedding).split(
            [rank, self.generate.out_features - rank], -1
        )
        if isinstance(layer, nn.Linear):
            change = F.linear(F.linear(x, self.right) * spread(coefficients, x, layer), self.left)
        else:
            inner = cast(nn.Conv2d, layer)._conv_forward(x, self.right, None)
            change = F.linear(
                (inner * spread(coefficients, inner, layer)).movedim(1, -1), self.left
            ).movedim(-1, 1)
        return output + change + spread(shift, output, layer)


def spread(values: Tensor, output: Tensor, layer: nn.Module) -> Tensor:
    """Shape ``values`` ``[channel]`` or ``[example, channel]`` to meet ``output``.

    Channels come last in a linear layer, else second.
    """
    ones = [1] * (output.ndim - 2)
    *examples, size = values.shape
    return (
        values.reshape(*examples, *ones, size)
        if isinstance(layer, nn.Linear)
        else values.reshape(*examples, size, *ones)
    )


def channels(layer: nn.Module) -> int:
    """The output channels of a linear layer, a convolution or a norm over them.

    Raises:
        UserError: If it is none of these.
    """
    sizes = [
        getattr(layer, size)
        for size in ("out_features", "out_channels", "num_features")
        if hasattr(layer, size)
    ]
    require(
        bool(sizes),
        "A layer that is modulated should be a linear layer, a convolution or a norm. Found "
        f"{type(layer).__name__}.",
    )
    return int(sizes[0])


def modulation(
    model: nn.Module, name: str, kind: ModulationName, embedding_size: int, rank: int
) -> Modulation:
    """The modulation of the layer ``name`` of ``model``.

    Raises:
        UserError: If there is no such layer or kind, or the one cannot be changed by the other.
    """
    layer = dict(model.named_modules()).get(name)
    require(
        kind in ("film", "lowrank"),
        f"Parameter `kind` should be 'film' or 'lowrank'. Found {kind!r}.",
    )
    require(
        layer is not None, f"Parameter `layers` should name layers of the model. Found {name!r}."
    )
    assert layer is not None
    return FiLM(layer, embedding_size) if kind == "film" else LowRank(layer, embedding_size, rank)


def layers_to_modulate(model: nn.Module, head: str, kind: ModulationName) -> tuple[str, ...]:
    """Find the layers that are modulated by default: those below the head.

    The head is the layer whose weight is the parameter ``head``. They are all linear layers and
    convolutions; for ``"film"`` only the batch norms, if there are any, since they would take out a
    scale and shift that comes before them.

    Raises:
        UserError: If there is none.
    """
    below = {
        name: module for name, module in model.named_modules() if name != head.rpartition(".")[0]
    }
    norms = tuple(name for name, module in below.items() if hasattr(module, "num_features"))
    served = tuple(
        name
        for name, module in below.items()
        if isinstance(module, nn.Linear | nn.modules.conv._ConvNd)
    )
    found = norms if norms and kind == "film" else served
    require(
        len(found) > 0,
        "The model should have a linear layer, convolution or batch norm below its head. "
        "Found none.",
    )
    return found


@contextmanager
def modulating(model: nn.Module, changes: Mapping[str, Change]) -> Iterator[None]:
    """Inside, the named layers of ``model`` give what their change makes of their output."""

    def hook(change: Change) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        return lambda layer, inputs, output: change(layer, inputs[0], output)

    handles = [
        model.get_submodule(name).register_forward_hook(hook(change))
        for name, change in changes.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


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
