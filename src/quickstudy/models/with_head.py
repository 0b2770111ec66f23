"""A head on a network that gives embeddings or feature maps."""

from typing import ClassVar, cast

from torch import Tensor, nn

from quickstudy.errors import require
from quickstudy.models.initialise import initialise
from quickstudy.models.protocol import Gives, traits
from quickstudy.models.trunk import embedding_size_of
from quickstudy.random import generator


class WithHead(nn.Module):
    """Put a head on a trunk: a linear layer, or a 1×1 convolution if the scores are dense.

    ``y = W f(x) + b``, of every example or of every pixel. The embeddings are flattened first.

    Args:
        trunk: Any module that gives embeddings ``[example, *feature]``, or feature maps
            ``[example, channel, height, width]`` at the size of the image if ``dense``.
        outputs: Number of classes or targets.
        dense: Whether every pixel has scores.
        embedding_size: Length of a flattened embedding, or channels of the maps; by default the
            trunk's ``embedding_size`` or ``feature_channels``.
        seed: Seed of the head's initial weights.

    Raises:
        UserError: If the length is not known.

    Example:
        >>> import torch, quickstudy as qs
        >>> model = qs.models.WithHead(torch.nn.Tanh(), outputs=2, embedding_size=6)
        >>> model(torch.zeros(5, 3, 2)).shape
        torch.Size([5, 2])
    """

    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "dense_scores")

    def __init__(
        self,
        trunk: nn.Module,
        outputs: int,
        dense: bool = False,
        embedding_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.trunk, self.outputs = trunk, outputs
        self.dense, self.seed = dense, seed
        self.gives: Gives = "dense_scores" if dense else "scores"
        size = self.embedding_size = _size(trunk, dense, embedding_size)
        self.flatten = nn.Identity() if dense else nn.Flatten()
        self.head = _head(size, outputs, dense)
        initialise(self.head, generator(seed, "model"))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to the scores ``[example, output]`` or of every pixel."""
        return self.head(self.flatten(self.trunk(x)))


def _head(size: int, outputs: int, dense: bool) -> nn.Module:
    """Make a linear layer, or one for every pixel."""
    return nn.Conv2d(size, outputs, 1) if dense else nn.Linear(size, outputs)


def _size(trunk: nn.Module, dense: bool, given: int | None) -> int:
    """Give the number of inputs of the head."""
    if given is not None or not dense:
        return embedding_size_of(trunk, given)
    return _channels_of(trunk)


def _channels_of(trunk: nn.Module) -> int:
    """Give the channels that the trunk says its maps have."""
    channels = traits(trunk).feature_channels
    require(
        channels is not None,
        "Parameter `embedding_size` is needed: this trunk does not say its `feature_channels`.",
    )
    return cast(int, channels)


__all__ = ["WithHead"]
