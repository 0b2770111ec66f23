"""The head of a network: its last linear layer, or the 1×1 convolution of dense prediction."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.bilevel.optimisers import Weights
from quickstudy.episode import Batch
from quickstudy.errors import require
from quickstudy.learners.embedding import members
from quickstudy.models.functional import evaluating
from quickstudy.models.norm import forward


def head_parameters(model: nn.Module) -> tuple[str, ...]:
    """Give the names of the parameters of ``model``'s last linear layer, weight first.

    A 1×1 convolution is the linear layer of every pixel.

    Raises:
        UserError: If there is no linear layer.
    """
    name, head = _last_linear(model)
    own = (parameter for parameter, _ in head.named_parameters())
    return tuple(f"{name}.{parameter}".removeprefix(".") for parameter in own)


def _last_linear(model: nn.Module) -> tuple[str, nn.Module]:
    """Return the last linear layer of ``model`` and its name."""
    linear = [(name, layer) for name, layer in model.named_modules() if _is_linear(layer)]
    require(
        len(linear) > 0,
        "The model should end in a linear layer (nn.Linear, or a 1x1 nn.Conv2d for pixels), its "
        f"head. Found none in {type(model).__name__}.",
    )
    return linear[-1]


def _is_linear(layer: nn.Module) -> bool:
    """Say whether ``layer`` is linear in the features of an example, or of a pixel."""
    if isinstance(layer, nn.Conv2d):
        return _is_of_pixels(layer)
    return isinstance(layer, nn.Linear)


def _is_of_pixels(layer: nn.Conv2d) -> bool:
    """Say whether a convolution sees one pixel at a time, and all its channels."""
    alone = layer.kernel_size == layer.stride == (1, 1) and layer.padding == (0, 0)
    return alone and layer.groups == 1


def own_head(model: nn.Module, names: tuple[str, ...]) -> Weights:
    """Return the head's parameters ``names`` as ``model`` holds them."""
    return {name: _tensor_at(model, name) for name in names}


def _tensor_at(model: nn.Module, name: str) -> Tensor:
    """Give the tensor that stands at ``name``, also if it is put in for a parameter."""
    path, _, last = name.rpartition(".")
    found: Tensor = getattr(model.get_submodule(path), last)
    return found


def shared_head(weights: Weights, names: tuple[str, ...], way: int | None) -> Weights:
    """Replace every class's row of the head by the mean of the rows, for ``way`` classes.

    The initial scores of all classes are then equal. So adapting does not depend on how classes
    are numbered, and any way is served.

    Args:
        weights: Weights of every task ``[task, ...]``.
        names: The parameters of the head, see :func:`head_parameters`.
        way: Classes of the new head; by default as many as before.

    Source: Ye & Chao 2022 (UNICORN-MAML), section 6.
    """
    heads = {name: _mean_row(weights[name], way) for name in names if name in weights}
    return {**weights, **heads}


def _mean_row(value: Tensor, way: int | None) -> Tensor:
    """Return ``way`` copies of the mean of the rows; by default as many as there are."""
    count = value.shape[1] if way is None else way
    return value.mean(1, keepdim=True).expand(-1, count, *value.shape[2:])


def prototype_head(
    features: Tensor, names: tuple[str, ...], support: Batch, way: int | None
) -> Weights:
    """Make a head of every task from the means of its classes' support features.

    With ``c_k`` the mean of class ``k``, ``w_k = 2 c_k`` and ``b_k = −‖c_k‖²``. The score of
    features ``f`` is then ``−‖f − c_k‖²`` plus ``‖f‖²``, which is the same for all classes. A class
    without examples has the mean 0.

    Args:
        features: Features of the support examples ``[task, example, feature]``.
        names: The parameters of the head, see :func:`head_parameters`.
        support: The support sets.
        way: Classes of the head; by default the most of a task.

    Returns:
        Weight and bias ``[task, class, ...]``, by ``names``.

    Source: Triantafillou et al. 2020 (Proto-MAML), section 4.
    """
    membership = members(support, way or support.target.way or 0, features.dtype)
    count = membership.sum(1).clamp(min=1).unsqueeze(-1)
    means = torch.einsum("tew,tef->twf", membership, features) / count
    return dict(zip(names, (2 * means, -means.square().sum(2)), strict=True))


def apply_head(weights: Weights, features: Tensor) -> Tensor:
    """Apply a head of ``weights`` to features.

    Args:
        weights: Weight and bias, in the order of :func:`head_parameters`.
        features: ``[example, feature]``, or of pixels ``[example, feature, height, width]``.
    """
    weight, *bias = weights.values()
    if weight.ndim == 2:
        return F.linear(features, weight, *bias)
    scores = torch.einsum("kf,efhw->ekhw", weight.flatten(1), features)
    return scores + bias[0].reshape(-1, 1, 1) if bias else scores


@contextmanager
def without_head(model: nn.Module, names: tuple[str, ...]) -> Iterator[None]:
    """Replace the head of ``model`` by the identity, so that it gives features inside."""
    path, _, name = names[0].rpartition(".")[0].rpartition(".")
    parent = model.get_submodule(path)
    head = getattr(parent, name)
    setattr(parent, name, nn.Identity())
    try:
        yield
    finally:
        setattr(parent, name, head)


def check_head(model: nn.Module, names: tuple[str, ...], x: Tensor) -> None:
    """Raise if the last linear layer of ``model`` is not its end, tried on examples ``x``.

    Raises:
        UserError: If the output of the model is not the output of its last linear layer.
    """
    with torch.no_grad(), evaluating(model):
        whole = forward(model, {}, x)[0]
        found = _head_on_features(model, names, x)
    require(
        _agree(found, whole),
        "The last linear layer of the model should be its end: its output should be the model's. "
        "Found another.",
    )


def _agree(found: Tensor, expected: Tensor) -> bool:
    """Say whether two outputs are the same but for rounding."""
    return found.shape == expected.shape and torch.allclose(found, expected, atol=1e-4)


def _head_on_features(model: nn.Module, names: tuple[str, ...], x: Tensor) -> Tensor:
    """Return the output of the head on the features of the layers below it."""
    with without_head(model, names):
        features = forward(model, {}, x)[0]
    return apply_head(own_head(model, names), features)


__all__ = [
    "apply_head",
    "check_head",
    "head_parameters",
    "own_head",
    "prototype_head",
    "shared_head",
    "without_head",
]
