"""A multi-layer perceptron."""

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from quickstudy.models.head import linear_head, scores_or_embeddings
from quickstudy.models.initialise import Scheme, initialise
from quickstudy.models.protocol import Gives
from quickstudy.random import generator


class MLP(nn.Module):
    """Stack fully connected layers with ReLU between them, on flattened inputs.

    Args:
        inputs: Length of the flattened input.
        outputs: Number of classes or targets; None leaves the last hidden layer as an embedding.
        hidden: Width of every hidden layer. MAML's sinusoid network is ``(40, 40)``.
        init: Initial weights, see :func:`quickstudy.models.initialise.initialise`.
        seed: Seed of the initial weights.

    Example:
        >>> import torch, quickstudy as qs
        >>> qs.models.MLP(inputs=6, outputs=2)(torch.zeros(5, 2, 3)).shape
        torch.Size([5, 2])
    """

    takes: ClassVar = "vectors"
    can_give: ClassVar[tuple[Gives, ...]] = ("scores", "embeddings")

    def __init__(
        self,
        inputs: int = 1,
        outputs: int | None = 1,
        hidden: tuple[int, ...] = (40, 40),
        init: Scheme = "default",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.inputs, self.outputs = inputs, outputs
        self.hidden = tuple(hidden)
        self.init, self.seed = init, seed
        self.gives = scores_or_embeddings(outputs)
        self.embedding_size = (inputs, *hidden)[-1]
        self.features = nn.Sequential(nn.Flatten(), *_layers((inputs, *hidden)))
        self.head = linear_head(self.embedding_size, outputs)
        initialise(self, generator(seed, "model"), init)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[example, *feature]`` to ``[example, output]``."""
        return self.head(self.features(x))


def _layers(widths: tuple[int, ...]) -> Iterator[nn.Module]:
    for before, after in pairwise(widths):
        yield nn.Linear(before, after)
        yield nn.ReLU()


__all__ = ["MLP"]
