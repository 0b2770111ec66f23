"""The protocol of a model: the attributes by which it says its inputs and outputs.

Any ``nn.Module`` is a model. It *may* have the attributes below; every one is optional, and a value
of another type (a layer that is called ``outputs``, say) counts as absent. A length that a model
does not say is a parameter of the learner that needs it, or is measured on an example by
:func:`~quickstudy.models.make_model`.

==================== ===============================================================================
``takes``            ``"images"`` ``[example, channel, height, width]`` or ``"vectors"`` ``[example,
                     *feature]``, which the model flattens
``in_channels``      channels of the images
``image_size``       height and width of the images; absent or None for any size
``inputs``           length of a flattened vector
``gives``            one of :data:`Gives`, the output of ``forward``
``can_give``         all of :data:`Gives` that the class can be made to give
``outputs``, ``way`` number of scores; None if the model gives none
``embedding_size``   length of the embedding of an example (or of a pixel, in dense prediction),
                     which is the number of inputs of a head
``feature_channels`` channels of the last feature maps
``trunk``            the network that the model is built on, which says the inputs
``own``              names of the layers or parameters that each task has for itself, see
                     :class:`~quickstudy.PartialSharing`
``own_offsets``      a method: the offsets ``{name: [task, ...]}`` at which a number of training
                     tasks start; absent if all start alike
==================== ===============================================================================

Ask :func:`traits` for these values: no other module reads the attributes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from torch import Tensor, nn

Gives = Literal["scores", "embeddings", "maps", "dense_scores"]
"""The output of a model: scores ``[example, output]``, embeddings ``[example, feature]``, feature
maps ``[example, channel, height, width]``, or scores of every pixel ``[example, class, height,
width]`` at the size of the image."""


@dataclass(frozen=True)
class Traits:
    """Hold the traits that a model declares; None or empty if it does not.

    Attributes:
        takes: ``"images"`` or ``"vectors"``.
        in_channels: Channels of the images.
        image_size: Height and width of the images.
        inputs: Length of a flattened vector.
        gives: The output of ``forward``.
        can_give: All outputs that the class can be made to give.
        outputs: Number of scores.
        embedding_size: Length of an embedding.
        feature_channels: Channels of the last feature maps.
        own: Names of the layers or parameters that each task has for itself.
    """

    takes: str | None = None
    in_channels: int | None = None
    image_size: int | None = None
    inputs: int | None = None
    gives: str | None = None
    can_give: tuple[str, ...] = ()
    outputs: int | None = None
    embedding_size: int | None = None
    feature_channels: int | None = None
    own: tuple[str, ...] = ()

    def refusal(self, shape: Sequence[int]) -> str | None:
        """Say why the model cannot take examples of ``shape``, or None if it can.

        The shape is without the example axis.

        Example:
            >>> Traits(takes="images", in_channels=3).refusal((1, 28, 28))
            'it takes images of 3 channels'
        """
        if self.takes == "images":
            return self._refusal_of_images(tuple(shape))
        return self._refusal_of_vectors(tuple(shape))

    def _refusal_of_vectors(self, shape: tuple[int, ...]) -> str | None:
        if self.inputs not in (None, prod(shape)):
            return f"it takes {self.inputs} numbers"
        return None

    def _refusal_of_images(self, shape: tuple[int, ...]) -> str | None:
        if len(shape) != 3:
            return "it takes images [channel, height, width]"
        if self.in_channels not in (None, shape[0]):
            return f"it takes images of {self.in_channels} channels"
        if self.image_size is not None and shape[1:] != (self.image_size,) * 2:
            return f"it takes images of {self.image_size} × {self.image_size} pixels"
        return None


_KINDS: dict[str, type] = {
    "takes": str,
    "in_channels": int,
    "image_size": int,
    "inputs": int,
    "gives": str,
    "can_give": tuple,
    "outputs": int,
    "embedding_size": int,
    "feature_channels": int,
    "own": tuple,
}
_ALIASES = {"outputs": ("outputs", "way")}
_OF_INPUTS = ("takes", "in_channels", "image_size", "inputs")


def traits(model: object) -> Traits:
    """Read the traits that ``model`` declares.

    Args:
        model: A module, or a class of modules: a class says ``takes`` and ``can_give``.

    Example:
        >>> import quickstudy as qs
        >>> traits(qs.models.Conv4(way=5, in_channels=3)).in_channels
        3
        >>> traits(qs.models.Conv4).takes
        'images'
    """
    return Traits(**_said_by_trunk(model) | _said(model))


def _said_by_trunk(model: object) -> dict[str, Any]:
    """Read the traits of the inputs off the trunk of a model; nothing without a trunk."""
    trunk = getattr(model, "trunk", None)
    if not isinstance(trunk, nn.Module):
        return {}
    below = traits(trunk)
    return {name: getattr(below, name) for name in _OF_INPUTS}


def _said(model: object) -> dict[str, Any]:
    """Read the attributes of a model itself."""
    return {name: value for name in _KINDS if (value := _read(model, name)) is not None}


def own_offsets(model: object, num_tasks: int) -> dict[str, Tensor]:
    """Give the offsets ``{name: [task, ...]}`` at which the parts of training tasks start.

    Args:
        model: Any module; without a method ``own_offsets`` all tasks start alike.
        num_tasks: Number of training tasks.
    """
    said: Callable[[int], dict[str, Tensor]] | None = getattr(model, "own_offsets", None)
    return {} if said is None else said(num_tasks)


def _read(model: object, name: str) -> Any:
    """Read the first attribute for ``name`` that has the right type; None without one."""
    for alias in _ALIASES.get(name, (name,)):
        value = getattr(model, alias, None)
        value = tuple(value) if isinstance(value, list) else value
        if _is_of_kind(value, _KINDS[name]):
            return value
    return None


def _is_of_kind(value: object, kind: type) -> bool:
    """Say whether a value has a type; a truth value is no number."""
    return isinstance(value, kind) and not isinstance(value, bool)


__all__ = ["Gives", "Traits", "own_offsets", "traits"]
